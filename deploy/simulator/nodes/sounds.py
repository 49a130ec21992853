"""Nodes for sound: silence of any length, saved as FLAC or MP3."""

from deploy.simulator.nodes.folders import write_in_place
from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.saving import listed, metadata, temp_suffix
from deploy.simulator.nodes.values import Latent, Sound

PREFIX = ("STRING", {"default": "audio/ComfyUI", "multiline": False})


def make_sound(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Sound(inputs["duration"], inputs["sample_rate"], inputs["channels"]),))


def make_latent_sound(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Latent(int(inputs["seconds"] * 21.5) * 8, 8, inputs["batch_size"]),))


def save_flac(bench: Workbench, inputs: Inputs) -> Result:
    return _save(bench, inputs["audio"], "output", inputs["filename_prefix"], "flac")


def save_mp3(bench: Workbench, inputs: Inputs) -> Result:
    return _save(bench, inputs["audio"], "output", inputs["filename_prefix"], "mp3")


def preview_sound(bench: Workbench, inputs: Inputs) -> Result:
    return _save(bench, inputs["audio"], "temp", f"ComfyUI{temp_suffix()}", "flac")


def _save(bench: Workbench, sound: Sound, kind: str, prefix: str, suffix: str) -> Result:
    from deploy.simulator.nodes.media import encode_sound  # PyAV loads slowly and is rarely used

    place = bench.folders.next_place(kind, prefix, (0, 0))
    name = place.name(0, suffix)
    write_in_place(place.folder / name, encode_sound(suffix, sound, dict(metadata(bench))), bench.halfway)
    return Result(shown={"audio": [listed(name, place, kind)]})


SOUNDS = (
    Node(
        "EmptyAudio",
        module="comfy_extras.nodes_audio",
        category="audio",
        display_name="Empty Audio",
        required={
            "duration": ("FLOAT", {"default": 60.0, "min": 0.0, "max": 0xFFFFFFFFFFFFFFFF, "step": 0.01}),
            "sample_rate": ("INT", {"default": 44100, "min": 1, "max": 192000}),
            "channels": ("INT", {"default": 2, "min": 1, "max": 2}),
        },
        outputs=("AUDIO",),
        schema=True,
        run=make_sound,
    ),
    Node(
        "EmptyLatentAudio",
        module="comfy_extras.nodes_audio",
        category="latent/audio",
        display_name="Empty Latent Audio",
        required={
            "seconds": ("FLOAT", {"default": 47.6, "min": 1.0, "max": 1000.0, "step": 0.1}),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
        },
        outputs=("LATENT",),
        schema=True,
        run=make_latent_sound,
    ),
    Node(
        "SaveAudio",
        module="comfy_extras.nodes_audio",
        category="audio",
        display_name="Save Audio (FLAC)",
        required={"audio": ("AUDIO", {}), "filename_prefix": PREFIX},
        output_node=True,
        passes_on="audio",
        takes_metadata=True,
        schema=True,
        run=save_flac,
    ),
    Node(
        "SaveAudioMP3",
        module="comfy_extras.nodes_audio",
        category="audio",
        display_name="Save Audio (MP3)",
        required={
            "audio": ("AUDIO", {}),
            "filename_prefix": PREFIX,
            "quality": ("COMBO", {"default": "V0", "multiselect": False, "options": ["V0", "128k", "320k"]}),
        },
        output_node=True,
        passes_on="audio",
        takes_metadata=True,
        schema=True,
        run=save_mp3,
    ),
    Node(
        "PreviewAudio",
        module="comfy_extras.nodes_audio",
        category="audio",
        display_name="Preview Audio",
        required={"audio": ("AUDIO", {})},
        output_node=True,
        passes_on="audio",
        takes_metadata=True,
        schema=True,
        run=preview_sound,
    ),
)
