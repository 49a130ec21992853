"""Output nodes for moving pictures: WebP, PNG, WebM and MP4, with the prompt embedded as each format allows."""

import io

from deploy.simulator.nodes.folders import write_in_place
from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.saving import listed, metadata
from deploy.simulator.nodes.values import Pictures, Video

PREFIX = ("STRING", {"default": "ComfyUI", "multiline": False})
WEBP_EFFORT = {"default": 4, "fastest": 0, "slowest": 6}
WEBM_CODECS = {"vp9": "libvpx-vp9", "av1": "libsvtav1"}
EXIF_MODEL = 0x0110


def save_webp(bench: Workbench, inputs: Inputs) -> Result:
    images = inputs["images"].images
    exif = images[0].getexif()
    for offset, (key, text) in enumerate(metadata(bench)):
        exif[EXIF_MODEL - offset] = f"{key}:{text}"
    encoded = io.BytesIO()
    images[0].save(
        encoded,
        format="WEBP",
        save_all=True,
        duration=int(1000 / inputs["fps"]),
        append_images=list(images[1:]),
        exif=exif,
        lossless=inputs["lossless"],
        quality=inputs["quality"],
        method=WEBP_EFFORT[inputs["method"]],
    )
    return _saved(bench, inputs["filename_prefix"], inputs["images"], "webp", encoded.getvalue())


def save_animated_png(bench: Workbench, inputs: Inputs) -> Result:
    images = inputs["images"].images
    encoded = io.BytesIO()
    images[0].save(
        encoded,
        format="PNG",
        save_all=True,
        duration=int(1000 / inputs["fps"]),
        append_images=list(images[1:]),
        compress_level=inputs["compress_level"],
    )
    return _saved(bench, inputs["filename_prefix"], inputs["images"], "png", encoded.getvalue())


def save_webm(bench: Workbench, inputs: Inputs) -> Result:
    from deploy.simulator.nodes.media import Container, encode_video  # PyAV loads slowly and is rarely used

    container = Container("webm", WEBM_CODECS[inputs["codec"]], {"crf": str(int(inputs["crf"])), "b": "0"})
    video = Video(inputs["images"], inputs["fps"])
    encoded = encode_video(container, video, dict(metadata(bench)))
    return _saved(bench, inputs["filename_prefix"], video.pictures, "webm", encoded)


def save_mp4(bench: Workbench, inputs: Inputs) -> Result:
    from deploy.simulator.nodes.media import Container, encode_video  # as above

    video: Video = inputs["video"]
    encoded = encode_video(Container("mp4", "libx264", {}), video, dict(metadata(bench)))
    return _saved(bench, inputs["filename_prefix"], video.pictures, "mp4", encoded)


def make_video(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Video(inputs["images"], inputs["fps"], inputs.get("audio")),))


def _saved(bench: Workbench, prefix: str, pictures: Pictures, suffix: str, encoded: bytes) -> Result:
    place = bench.folders.next_place("output", prefix, pictures.size)
    name = place.name(0, suffix)
    write_in_place(place.folder / name, encoded, bench.halfway)
    return Result(shown={"images": [listed(name, place, "output")], "animated": (True,)})


ANIMATION = (
    Node(
        "SaveAnimatedWEBP",
        module="comfy_extras.nodes_images",
        category="image/animation",
        display_name=None,
        required={
            "images": ("IMAGE", {}),
            "filename_prefix": PREFIX,
            "fps": ("FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
            "lossless": ("BOOLEAN", {"default": True}),
            "quality": ("INT", {"default": 80, "min": 0, "max": 100}),
            "method": ("COMBO", {"multiselect": False, "options": list(WEBP_EFFORT)}),
        },
        output_node=True,
        passes_on="images",
        takes_metadata=True,
        schema=True,
        run=save_webp,
    ),
    Node(
        "SaveAnimatedPNG",
        module="comfy_extras.nodes_images",
        category="image/animation",
        display_name=None,
        required={
            "images": ("IMAGE", {}),
            "filename_prefix": PREFIX,
            "fps": ("FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
            "compress_level": ("INT", {"default": 4, "min": 0, "max": 9}),
        },
        output_node=True,
        passes_on="images",
        takes_metadata=True,
        schema=True,
        run=save_animated_png,
    ),
    Node(
        "SaveWEBM",
        module="comfy_extras.nodes_video",
        category="image/video",
        display_name=None,
        required={
            "images": ("IMAGE", {}),
            "filename_prefix": PREFIX,
            "codec": ("COMBO", {"multiselect": False, "options": list(WEBM_CODECS)}),
            "fps": ("FLOAT", {"default": 24.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
            "crf": ("FLOAT", {"default": 32.0, "min": 0, "max": 63.0, "step": 1}),
        },
        output_node=True,
        passes_on="images",
        takes_metadata=True,
        schema=True,
        flags={"experimental": True},
        run=save_webm,
    ),
    Node(
        "CreateVideo",
        module="comfy_extras.nodes_video",
        category="image/video",
        display_name="Create Video",
        required={
            "images": ("IMAGE", {}),
            "fps": ("FLOAT", {"default": 30.0, "min": 1.0, "max": 120.0, "step": 1.0}),
        },
        optional={"audio": ("AUDIO", {})},
        outputs=("VIDEO",),
        schema=True,
        run=make_video,
    ),
    Node(
        "SaveVideo",
        module="comfy_extras.nodes_video",
        category="image/video",
        display_name="Save Video",
        required={
            "video": ("VIDEO", {}),
            "filename_prefix": ("STRING", {"default": "video/ComfyUI", "multiline": False}),
            "format": ("COMBO", {"default": "auto", "multiselect": False, "options": ["auto", "mp4"]}),
            "codec": ("COMBO", {"default": "auto", "multiselect": False, "options": ["auto", "h264"]}),
        },
        output_node=True,
        passes_on="video",
        takes_metadata=True,
        schema=True,
        run=save_mp4,
    ),
)
