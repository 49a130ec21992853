"""The nodes of comfyui-tooling-nodes that programs for drawing need: pictures from the cache, and into it."""

import io
import re

from PIL import Image

from deploy.simulator.nodes.image_cache import CachedPicture
from deploy.simulator.nodes.interface import Inputs, Node, Result, Spec, Workbench
from deploy.simulator.nodes.values import Masks, Pictures

FORMATS = ("PNG", "JPEG")
LANGUAGE = re.compile(r"lang:(\w\w)\s*")


def load_cached(bench: Workbench, inputs: Inputs) -> Result:
    """A picture, and as its mask how it can be seen through; of one that cannot, its first channel."""
    found = bench.images.get(inputs["id"])
    if found is None:
        raise ValueError(f"no picture {inputs['id']} in the cache")
    with Image.open(io.BytesIO(found.content)) as opened:
        image = opened.convert("RGBA") if "A" in opened.getbands() else opened.convert("RGB")
    mask = image.getchannel("A" if image.mode == "RGBA" else "R")
    return Result((Pictures((image.convert("RGB"),)), Masks((mask,))))


def save_cached(bench: Workbench, inputs: Inputs) -> Result:
    kind = inputs["format"]
    listed = []
    for image in inputs["images"].images:
        encoded = io.BytesIO()
        image.save(encoded, format=kind)
        picture = CachedPicture(encoded.getvalue(), f"image/{kind.lower()}")
        about = {"content-type": picture.media_type, "type": "output"}
        listed.append({"source": "http", "id": bench.images.add(picture), **about})
    return Result(shown={"images": listed})


def translate(_bench: Workbench, inputs: Inputs) -> Result:
    """No language is installed here."""
    for language in LANGUAGE.findall(inputs["text"]):
        if language != "en":
            raise ValueError(f"the language {language} is not installed")
    return Result((LANGUAGE.sub("", inputs["text"]),))


FORMAT: Spec = ("COMBO", {"default": "PNG", "multiselect": False, "options": list(FORMATS)})
MODULE, CATEGORY = "custom_nodes.comfyui-tooling-nodes", "external_tooling"

TOOLING = (
    Node(
        "ETN_LoadImageCache",
        module=MODULE,
        category=CATEGORY,
        display_name="Load Image from Cache",
        required={"id": ("STRING", {"multiline": False})},
        outputs=("IMAGE", "MASK"),
        schema=True,
        run=load_cached,
    ),
    Node(
        "ETN_SaveImageCache",
        module=MODULE,
        category=CATEGORY,
        display_name="Save Image to Cache",
        required={"images": ("IMAGE", {}), "format": FORMAT},
        output_node=True,
        schema=True,
        run=save_cached,
    ),
    Node(
        "ETN_Translate",
        module=MODULE,
        category=CATEGORY,
        display_name="Translate Text",
        required={"text": ("STRING", {"multiline": True})},
        outputs=("STRING",),
        schema=True,
        run=translate,
    ),
)
