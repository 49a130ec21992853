"""What a sampler begins with: nothing, or pictures, of which a mask may keep some as they are."""

from dataclasses import replace

from PIL import Image, ImageFilter

from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.values import Latent, Masks, Pictures

HALF = 127


def make_latent(_bench: Workbench, inputs: Inputs) -> Result:
    return Result((Latent(inputs["width"] // 8 * 8, inputs["height"] // 8 * 8, inputs["batch_size"]),))


def encode_pictures(_bench: Workbench, inputs: Inputs) -> Result:
    pictures: Pictures = inputs["pixels"]
    width, height = pictures.size
    return Result((Latent(width, height, len(pictures.images), pictures),))


def encode_with_mask(_bench: Workbench, inputs: Inputs) -> Result:
    """What is under the mask is grey for the encoder, and made anew. The mask grows by some pixels first."""
    pictures, masks, grown = inputs["pixels"], _masks_of(inputs["mask"], inputs["pixels"].size), inputs["grow_mask_by"]
    hard = [mask.point(lambda value: 255 if value > HALF else 0) for mask in masks.images]
    width, height = pictures.size
    emptied = (
        Image.composite(Image.new("RGB", pictures.size, (HALF,) * 3), image, hard[number % len(hard)])
        for number, image in enumerate(pictures.images)
    )
    wider = tuple(mask.filter(ImageFilter.MaxFilter(grown // 2 * 2 + 1)) if grown else mask for mask in hard)
    before = Pictures(tuple(emptied))
    return Result((Latent(width, height, len(pictures.images), before, mask=Masks(wider)),))


def set_mask(_bench: Workbench, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    return Result((replace(latent, mask=_masks_of(inputs["mask"], (latent.width, latent.height))),))


def repeat_latent(_bench: Workbench, inputs: Inputs) -> Result:
    latent, amount = inputs["samples"], inputs["amount"]
    pictures = Pictures(latent.pictures.images * amount) if latent.pictures else None
    return Result((replace(latent, batch_size=latent.batch_size * amount, pictures=pictures),))


def _masks_of(masks: Masks, size: tuple[int, int]) -> Masks:
    return Masks(tuple(mask.resize(size, Image.Resampling.BILINEAR) for mask in masks.images))


LATENTS = (
    Node(
        "EmptyLatentImage",
        module="nodes",
        category="latent",
        display_name="Empty Latent Image",
        required={
            "width": ("INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
            "height": ("INT", {"default": 512, "min": 16, "max": 16384, "step": 8}),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 4096}),
        },
        outputs=("LATENT",),
        run=make_latent,
    ),
    Node(
        "VAEEncode",
        module="nodes",
        category="latent",
        display_name="VAE Encode",
        required={"pixels": ("IMAGE",), "vae": ("VAE",)},
        outputs=("LATENT",),
        run=encode_pictures,
    ),
    Node(
        "VAEEncodeForInpaint",
        module="nodes",
        category="latent/inpaint",
        display_name="VAE Encode (for Inpainting)",
        required={
            "pixels": ("IMAGE",),
            "vae": ("VAE",),
            "mask": ("MASK",),
            "grow_mask_by": ("INT", {"default": 6, "min": 0, "max": 64, "step": 1}),
        },
        outputs=("LATENT",),
        run=encode_with_mask,
    ),
    Node(
        "SetLatentNoiseMask",
        module="nodes",
        category="latent/inpaint",
        display_name="Set Latent Noise Mask",
        required={"samples": ("LATENT",), "mask": ("MASK",)},
        outputs=("LATENT",),
        run=set_mask,
    ),
    Node(
        "RepeatLatentBatch",
        module="nodes",
        category="latent/batch",
        display_name="Repeat Latent Batch",
        required={"samples": ("LATENT",), "amount": ("INT", {"default": 1, "min": 1, "max": 64})},
        outputs=("LATENT",),
        run=repeat_latent,
    ),
)
