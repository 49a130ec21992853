"""Nodes that make, load and change pictures without any model."""

import hashlib
import uuid
from pathlib import Path
from random import Random

from PIL import Image, ImageFilter, ImageOps

from deploy.simulator.nodes.folders import Folders, without_annotation
from deploy.simulator.nodes.interface import Drawing, Inputs, Node, Result, Shelf, Workbench
from deploy.simulator.nodes.values import Masks, Pictures

LONGEST_SIDE = 16384
SCALING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
CHANNELS = ("red", "green", "blue", "alpha")


def make_images(_bench: Workbench, inputs: Inputs) -> Result:
    colour = inputs["color"]
    rgb = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    image = Image.new("RGB", (inputs["width"], inputs["height"]), rgb)
    return Result((Pictures((image,) * inputs["batch_size"]),))


def add_noise(bench: Workbench, inputs: Inputs) -> Result:
    dice = Random(inputs["seed"])
    noisy = (_with_noise(image, dice, inputs["strength"], bench.drawing) for image in inputs["image"].images)
    return Result((Pictures(tuple(noisy)),))


def invert(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Pictures(tuple(ImageOps.invert(image) for image in inputs["image"].images)),))


def blur(_bench: Workbench, inputs: Inputs) -> Result:
    softened = ImageFilter.GaussianBlur(min(inputs["blur_radius"], 3 * inputs["sigma"]))
    return Result((Pictures(tuple(image.filter(softened) for image in inputs["image"].images)),))


def join_batches(_bench: Workbench, inputs: Inputs) -> Result:
    first, second = inputs["image1"], inputs["image2"]
    fitted = (ImageOps.fit(image, first.size, Image.Resampling.BILINEAR) for image in second.images)
    return Result((Pictures((*first.images, *fitted)),))


def scale(_bench: Workbench, inputs: Inputs) -> Result:
    """A side given as 0 follows from the other one."""
    pictures, method = inputs["image"], SCALING[inputs["upscale_method"]]
    width, height = inputs["width"], inputs["height"]
    if not width and not height:
        return Result((pictures,))
    size = (
        width or max(1, round(pictures.size[0] * height / pictures.size[1])),
        height or max(1, round(pictures.size[1] * width / pictures.size[0])),
    )
    if inputs["crop"] == "center":
        return Result((Pictures(tuple(ImageOps.fit(image, size, method) for image in pictures.images)),))
    return Result((Pictures(tuple(image.resize(size, method) for image in pictures.images)),))


def load_image(bench: Workbench, inputs: Inputs) -> Result:
    with Image.open(named_file(bench.folders, inputs["image"])) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGBA")
    mask = ImageOps.invert(image.getchannel("A"))
    return Result((Pictures((image.convert("RGB"),)), Masks((mask,))))


def load_mask(bench: Workbench, inputs: Inputs) -> Result:
    """A channel of a picture; of its transparency, what is transparent."""
    pictures, transparent = load_image(bench, inputs).values
    if inputs["channel"] == "alpha":
        return Result((transparent,))
    number = CHANNELS.index(inputs["channel"])
    return Result((Masks(tuple(image.getchannel(number) for image in pictures.images)),))


def take_channel(_bench: Workbench, inputs: Inputs) -> Result:
    number = CHANNELS.index(inputs["channel"])
    return Result((Masks(tuple(image.convert("RGBA").getchannel(number) for image in inputs["image"].images)),))


def show_mask(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Pictures(tuple(mask.convert("RGB") for mask in inputs["mask"].images)),))


def named_file(folders: Folders, name: str) -> Path:
    """The file a name stands for; "x.png [output]" looks into another folder than the input one."""
    name, kind = without_annotation(name, "input")
    return (folders.by_type(kind) or folders.input) / name


def refuse_missing_image(folders: Folders, inputs: Inputs) -> dict[str, str]:
    name = inputs.get("image")
    if isinstance(name, str) and named_file(folders, name).is_file():
        return {}
    return {"image": f"Invalid image file: {name}"}


def fingerprint_of_image(folders: Folders, inputs: Inputs) -> str:
    file = named_file(folders, str(inputs.get("image")))
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else uuid.uuid4().hex


def _with_noise(image: Image.Image, dice: Random, strength: float, drawing: Drawing) -> Image.Image:
    if drawing is Drawing.FLAT:
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        return Image.blend(image, Image.new("RGB", image.size, colour), strength)
    width, height = image.size
    noise = Image.frombytes("RGB", image.size, dice.randbytes(width * height * 3))
    return Image.blend(image, noise, strength)


PICTURES = (
    Node(
        "EmptyImage",
        module="nodes",
        category="image",
        display_name="EmptyImage",
        required={
            "width": ("INT", {"default": 512, "min": 1, "max": LONGEST_SIDE, "step": 1}),
            "height": ("INT", {"default": 512, "min": 1, "max": LONGEST_SIDE, "step": 1}),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
            "color": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"}),
        },
        outputs=("IMAGE",),
        run=make_images,
    ),
    Node(
        "ImageAddNoise",
        module="comfy_extras.nodes_images",
        category="image",
        display_name=None,
        required={
            "image": ("IMAGE", {}),
            "seed": ("INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF, "control_after_generate": True}),
            "strength": ("FLOAT", {"default": 0.5, "min": 0.0, "max": 1.0, "step": 0.01}),
        },
        outputs=("IMAGE",),
        schema=True,
        run=add_noise,
    ),
    Node(
        "ImageInvert",
        module="nodes",
        category="image",
        display_name="Invert Image",
        required={"image": ("IMAGE",)},
        outputs=("IMAGE",),
        run=invert,
    ),
    Node(
        "ImageBlur",
        module="comfy_extras.nodes_post_processing",
        category="image/postprocessing",
        display_name=None,
        required={
            "image": ("IMAGE", {}),
            "blur_radius": ("INT", {"default": 1, "min": 1, "max": 31, "step": 1}),
            "sigma": ("FLOAT", {"default": 1.0, "min": 0.1, "max": 10.0, "step": 0.1}),
        },
        outputs=("IMAGE",),
        schema=True,
        run=blur,
    ),
    Node(
        "ImageBatch",
        module="nodes",
        category="image",
        display_name="Batch Images",
        required={"image1": ("IMAGE",), "image2": ("IMAGE",)},
        outputs=("IMAGE",),
        flags={"deprecated": True},
        run=join_batches,
    ),
    Node(
        "ImageScale",
        module="nodes",
        category="image/upscaling",
        display_name="Upscale Image",
        required={
            "image": ("IMAGE",),
            "upscale_method": (tuple(SCALING),),
            "width": ("INT", {"default": 512, "min": 0, "max": LONGEST_SIDE, "step": 1}),
            "height": ("INT", {"default": 512, "min": 0, "max": LONGEST_SIDE, "step": 1}),
            "crop": (("disabled", "center"),),
        },
        outputs=("IMAGE",),
        run=scale,
    ),
    Node(
        "LoadImage",
        module="nodes",
        category="image",
        display_name="Load Image",
        required={"image": (Shelf.INPUT_IMAGES, {"image_upload": True})},
        outputs=("IMAGE", "MASK"),
        refuses=refuse_missing_image,
        fingerprint=fingerprint_of_image,
        run=load_image,
    ),
    Node(
        "LoadImageMask",
        module="nodes",
        category="image",
        display_name="Load Image (as Mask)",
        required={
            "image": (Shelf.INPUT_IMAGES, {"image_upload": True}),
            "channel": (("alpha", "red", "green", "blue"),),
        },
        outputs=("MASK",),
        refuses=refuse_missing_image,
        fingerprint=fingerprint_of_image,
        run=load_mask,
    ),
    Node(
        "ImageToMask",
        module="comfy_extras.nodes_mask",
        category="mask",
        display_name="Convert Image to Mask",
        required={"image": ("IMAGE", {}), "channel": ("COMBO", {"multiselect": False, "options": list(CHANNELS)})},
        outputs=("MASK",),
        schema=True,
        run=take_channel,
    ),
    Node(
        "MaskToImage",
        module="comfy_extras.nodes_mask",
        category="mask",
        display_name="Convert Mask to Image",
        required={"mask": ("MASK", {})},
        outputs=("IMAGE",),
        schema=True,
        run=show_mask,
    ),
)
