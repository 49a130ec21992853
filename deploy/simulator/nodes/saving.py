"""Output nodes for pictures and latents: what they write, and what they tell the client about it."""

import io
import json
import struct
import time
from collections.abc import Iterable
from random import Random
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deploy.simulator.nodes.folders import Place, write_in_place
from deploy.simulator.nodes.interface import Inputs, Node, Preview, Result, Workbench
from deploy.simulator.nodes.values import Latent

# A prefix drawn anew for each preview, so that previews never overwrite one another.
TEMP_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save_images(bench: Workbench, inputs: Inputs) -> Result:
    return _save_pngs(bench, inputs["images"].images, "output", inputs["filename_prefix"], compress_level=4)


def preview_images(bench: Workbench, inputs: Inputs) -> Result:
    return _save_pngs(bench, inputs["images"].images, "temp", f"ComfyUI{temp_suffix()}", compress_level=1)


def preview_masks(bench: Workbench, inputs: Inputs) -> Result:
    pictures = (mask.convert("RGB") for mask in inputs["mask"].images)
    saved = _save_pngs(bench, pictures, "temp", f"ComfyUI{temp_suffix()}", compress_level=1)
    return Result(shown={**(saved.shown or {}), "animated": (False,)})


def send_images(bench: Workbench, inputs: Inputs) -> Result:
    """Final pictures as previews over the WebSocket: nothing is written and nothing is listed."""
    images = inputs["images"].images
    for number, image in enumerate(images):
        bench.report(number, len(images), Preview("PNG", _png(image, None, compress_level=1)))
    return Result(shown=None)


def show_text(_bench: Workbench, inputs: Inputs) -> Result:
    source = inputs["source"]
    return Result(shown={"text": (source if isinstance(source, str) else str(source),)})


def save_latent(bench: Workbench, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    place = bench.folders.next_place("output", inputs["filename_prefix"], (latent.width, latent.height))
    name = place.name(0, "latent")
    write_in_place(place.folder / name, _safetensors(latent, dict(metadata(bench))), bench.halfway)
    return Result(shown={"latents": [listed(name, place, "output")]})


def metadata(bench: Workbench) -> Iterable[tuple[str, str]]:
    """What is embedded in a file: the whole prompt, then each key of extra_pnginfo."""
    yield "prompt", json.dumps(bench.prompt)
    if bench.extra_pnginfo is not None:
        for key in bench.extra_pnginfo:
            yield key, json.dumps(bench.extra_pnginfo[key])


def listed(name: str, place: Place, kind: str) -> dict[str, str]:
    return {"filename": name, "subfolder": place.subfolder, "type": kind}


def temp_suffix() -> str:
    return "_temp_" + "".join(Random().choices(TEMP_LETTERS, k=5))


def _save_pngs(
    bench: Workbench, images: Iterable[Image.Image], kind: str, prefix: str, *, compress_level: int
) -> Result:
    files = []
    place = None
    for number, image in enumerate(images):
        place = place or bench.folders.next_place(kind, prefix, image.size)
        chunks = PngInfo()
        for key, text in metadata(bench):
            chunks.add_text(key, text)
        name = place.name(number, "png", batch_number=number)
        write_in_place(place.folder / name, _png(image, chunks, compress_level=compress_level), bench.halfway)
        files.append(listed(name, place, kind))
    return Result(shown={"images": files})


def _png(image: Image.Image, chunks: PngInfo | None, *, compress_level: int) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, format="PNG", pnginfo=chunks, compress_level=compress_level)
    return encoded.getvalue()


def _safetensors(latent: Latent, texts: dict[str, str]) -> bytes:
    """A tensor file of zeros in the right shape."""
    shape = [latent.batch_size, 4, latent.height // 8, latent.width // 8]
    size = 4 * shape[0] * shape[1] * shape[2] * shape[3]
    header: dict[str, Any] = {
        "__metadata__": texts,
        "latent_tensor": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]},
        "latent_format_version_0": {"dtype": "F32", "shape": [0], "data_offsets": [size, size]},
    }
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + bytes(size)


SAVING = (
    Node(
        "SaveImage",
        module="nodes",
        category="image",
        display_name="Save Image",
        required={"images": ("IMAGE", {}), "filename_prefix": ("STRING", {"default": "ComfyUI"})},
        output_node=True,
        passes_on="images",
        takes_metadata=True,
        run=save_images,
    ),
    Node(
        "PreviewImage",
        module="nodes",
        category="image",
        display_name="Preview Image",
        required={"images": ("IMAGE",)},
        output_node=True,
        passes_on="images",
        takes_metadata=True,
        run=preview_images,
    ),
    Node(
        "MaskPreview",
        module="comfy_extras.nodes_mask",
        category="mask",
        display_name="Preview Mask",
        required={"mask": ("MASK", {})},
        output_node=True,
        passes_on="mask",
        takes_metadata=True,
        schema=True,
        run=preview_masks,
    ),
    Node(
        "SaveImageWebsocket",
        module="custom_nodes.websocket_image_save",
        category="api/image",
        display_name="SaveImageWebsocket",
        required={"images": ("IMAGE",)},
        output_node=True,
        fingerprint=lambda _folders, _inputs: str(time.monotonic_ns()),
        run=send_images,
    ),
    Node(
        "PreviewAny",
        module="comfy_extras.nodes_preview_any",
        category="utils",
        display_name="Preview as Text",
        required={"source": ("*", {})},
        output_node=True,
        passes_on="source",
        run=show_text,
    ),
    Node(
        "SaveLatent",
        module="nodes",
        category="_for_testing",
        display_name="SaveLatent",
        required={"samples": ("LATENT",), "filename_prefix": ("STRING", {"default": "latents/ComfyUI"})},
        output_node=True,
        passes_on="samples",
        takes_metadata=True,
        run=save_latent,
    ),
)
