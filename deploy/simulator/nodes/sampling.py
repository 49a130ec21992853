"""Samplers go step by step and stop when interrupted; decoders turn the recipe they leave into pictures."""

import io
from dataclasses import replace

from PIL import Image, ImageFilter, ImageOps

from deploy.simulator.nodes.drawing import draw
from deploy.simulator.nodes.interface import Drawing, Effort, Inputs, Node, Preview, Result, Workbench
from deploy.simulator.nodes.values import Latent, Pictures, Recipe

PREVIEW_SIZE = (512, 512)

# The names a client may ask for, in the order ComfyUI 0.8 lists them.
SAMPLERS = (
    "euler",
    "euler_cfg_pp",
    "euler_ancestral",
    "euler_ancestral_cfg_pp",
    "heun",
    "heunpp2",
    "exp_heun_2_x0",
    "exp_heun_2_x0_sde",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpm_fast",
    "dpm_adaptive",
    "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde",
    "dpmpp_sde_gpu",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun",
    "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu",
    "ddpm",
    "lcm",
    "ipndm",
    "ipndm_v",
    "deis",
    "res_multistep",
    "res_multistep_cfg_pp",
    "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp",
    "gradient_estimation",
    "gradient_estimation_cfg_pp",
    "er_sde",
    "seeds_2",
    "seeds_3",
    "sa_solver",
    "sa_solver_pece",
    "ddim",
    "uni_pc",
    "uni_pc_bh2",
)
SCHEDULERS = (
    "simple",
    "sgm_uniform",
    "karras",
    "exponential",
    "ddim_uniform",
    "beta",
    "normal",
    "linear_quadratic",
    "kl_optimal",
)
SEED = {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF, "control_after_generate": True}
STEPS = {"default": 20, "min": 1, "max": 10000}
CFG = {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}


def sample(bench: Workbench, inputs: Inputs) -> Result:
    return _sample(bench, inputs, seed=inputs["seed"], steps=inputs["steps"], denoise=inputs["denoise"])


def sample_some_steps(bench: Workbench, inputs: Inputs) -> Result:
    last = min(inputs["end_at_step"], inputs["steps"])
    steps = max(last - inputs["start_at_step"], 0)
    denoise = 1.0 if inputs["start_at_step"] == 0 else steps / inputs["steps"]
    return _sample(bench, inputs, seed=inputs["noise_seed"], steps=steps, denoise=denoise)


def decode_latent(bench: Workbench, inputs: Inputs) -> Result:
    latent: Latent = inputs["samples"]
    size = (latent.width, latent.height)
    return Result((Pictures(tuple(_picture(latent, number, size, bench) for number in range(latent.batch_size))),))


def _sample(bench: Workbench, inputs: Inputs, *, seed: int, steps: int, denoise: float) -> Result:
    before: Latent = inputs["latent_image"]
    recipe = Recipe(
        text=inputs["positive"].text,
        negative=inputs["negative"].text,
        seed=seed,
        steps=steps,
        cfg=inputs["cfg"],
        sampler=inputs["sampler_name"],
        scheduler=inputs["scheduler"],
        denoise=denoise,
        model=inputs["model"],
    )
    latent = replace(before, recipe=recipe)
    sketch = _sketch(latent, bench) if bench.wants_previews else None
    for step in range(1, steps + 1):
        bench.spend_step()
        bench.report(step, steps, _preview(sketch, step / steps) if sketch else None)
    return Result((latent,))


def _picture(latent: Latent, number: int, size: tuple[int, int], bench: Workbench) -> Image.Image:
    before = latent.pictures.images[number] if latent.pictures else None
    if latent.recipe is None:
        return before or Image.new("RGB", size, (128, 128, 128))
    picture = draw(latent.recipe, number, size, flat=bench.drawing is Drawing.FLAT)
    if before is None:
        return picture
    before = before.convert("RGB")
    made = picture if latent.recipe.denoise >= 1 else Image.blend(before, picture, latent.recipe.denoise)
    if latent.mask is None:
        return made
    return Image.composite(made, before, latent.mask.images[number % len(latent.mask.images)])


def _sketch(latent: Latent, bench: Workbench) -> Image.Image:
    """A small picture of what is being sampled, to blur into previews."""
    scale = 256 / max(latent.width, latent.height)
    size = (max(1, round(latent.width * scale)), max(1, round(latent.height * scale)))
    if latent.recipe is None or bench.drawing is Drawing.FLAT:
        return Image.new("RGB", size, (128, 128, 128))
    return draw(latent.recipe, 0, size, flat=False)


def _preview(sketch: Image.Image, done: float) -> Preview:
    image = sketch.filter(ImageFilter.GaussianBlur(radius=16 * (1 - done)))
    grey = Image.new("RGB", image.size, (127, 120, 124))
    image = ImageOps.contain(Image.blend(grey, image, 0.3 + 0.7 * done), PREVIEW_SIZE, Image.Resampling.BILINEAR)
    encoded = io.BytesIO()
    image.save(encoded, format="JPEG", quality=95)
    return Preview("JPEG", encoded.getvalue())


SAMPLING = (
    Node(
        "KSampler",
        module="nodes",
        category="sampling",
        display_name="KSampler",
        required={
            "model": ("MODEL", {}),
            "seed": ("INT", SEED),
            "steps": ("INT", STEPS),
            "cfg": ("FLOAT", CFG),
            "sampler_name": (SAMPLERS, {}),
            "scheduler": (SCHEDULERS, {}),
            "positive": ("CONDITIONING", {}),
            "negative": ("CONDITIONING", {}),
            "latent_image": ("LATENT", {}),
            "denoise": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}),
        },
        outputs=("LATENT",),
        effort=Effort.SAMPLE,
        run=sample,
    ),
    Node(
        "KSamplerAdvanced",
        module="nodes",
        category="sampling",
        display_name="KSampler (Advanced)",
        required={
            "model": ("MODEL",),
            "add_noise": (("enable", "disable"),),
            "noise_seed": ("INT", SEED),
            "steps": ("INT", STEPS),
            "cfg": ("FLOAT", CFG),
            "sampler_name": (SAMPLERS,),
            "scheduler": (SCHEDULERS,),
            "positive": ("CONDITIONING",),
            "negative": ("CONDITIONING",),
            "latent_image": ("LATENT",),
            "start_at_step": ("INT", {"default": 0, "min": 0, "max": 10000}),
            "end_at_step": ("INT", {"default": 10000, "min": 0, "max": 10000}),
            "return_with_leftover_noise": (("disable", "enable"),),
        },
        outputs=("LATENT",),
        effort=Effort.SAMPLE,
        run=sample_some_steps,
    ),
    Node(
        "VAEDecode",
        module="nodes",
        category="latent",
        display_name="VAE Decode",
        required={"samples": ("LATENT", {}), "vae": ("VAE", {})},
        outputs=("IMAGE",),
        run=decode_latent,
    ),
)
