"""The models of every folder of ComfyUI, as far as some node class lists them: `/object_info` names no folders.

Each kind is called as its folder, and listed by the classes that read that folder alone (their sources in ComfyUI 0.33,
and of the pack that loads GGUF files). Embeddings are listed by no class: a server has a list of its own of them.
"""

from collections.abc import Iterable, Mapping

from shared.fleet.model_kinds import LISTED_BY
from shared.fleet.object_info import Catalogue, listed

EMBEDDINGS = "embeddings"
Source = tuple[str, str]  # a node class, and its input

FOLDERS: Mapping[str, tuple[Source, ...]] = {
    **{kind.value: (source,) for kind, source in LISTED_BY.items()},
    "vae": (("VAELoader", "vae_name"),),
    "diffusion_models": (("UNETLoader", "unet_name"), ("UnetLoaderGGUF", "unet_name")),
    "text_encoders": (
        *(("CLIPLoader", "clip_name"), ("DualCLIPLoader", "clip_name1"), ("TripleCLIPLoader", "clip_name1")),
        *(("QuadrupleCLIPLoader", "clip_name1"), ("LTXAVTextEncoderLoader", "text_encoder")),
        ("CLIPLoaderGGUF", "clip_name"),
    ),
    "clip_vision": (("CLIPVisionLoader", "clip_name"),),
    "controlnet": (("ControlNetLoader", "control_net_name"), ("DiffControlNetLoader", "control_net_name")),
    "upscale_models": (("UpscaleModelLoader", "model_name"),),
    "latent_upscale_models": (("LatentUpscaleModelLoader", "model_name"),),
    "style_models": (("StyleModelLoader", "style_model_name"),),
    "gligen": (("GLIGENLoader", "gligen_name"),),
    "hypernetworks": (("HypernetworkLoader", "hypernetwork_name"),),
    "photomaker": (("PhotoMakerLoader", "photomaker_model_name"),),
    "model_patches": (("ModelPatchLoader", "name"),),
    "audio_encoders": (("AudioEncoderLoader", "audio_encoder_name"),),
    "diffusers": (("DiffusersLoader", "model_path"),),
    "configs": (("CheckpointLoader", "config_name"),),
    "background_removal": (("LoadBackgroundRemovalModel", "bg_removal_name"),),
    "frame_interpolation": (("FrameInterpolationModelLoader", "model_name"),),
    "optical_flow": (("OpticalFlowLoader", "model_name"),),
    "geometry_estimation": (("LoadMoGeModel", "model_name"), ("LoadDA3Model", "model_name")),
    "detection": (("LoadMediaPipeFaceLandmarker", "model_name"),),
}


def names_of(catalogue: Catalogue, kind: str) -> list[str]:
    """The models of a kind on one server, each once. Raises KeyError for a kind that is none."""
    if kind == EMBEDDINGS:
        return list(catalogue.embeddings)
    found = (name for source in FOLDERS[kind] for name in listed(catalogue.classes, *source))
    return list(dict.fromkeys(found))


def kinds_of(catalogues: Iterable[Catalogue]) -> list[str]:
    """The kinds that can be listed: those a job may name, those for which some server has a class, and embeddings."""
    known = {name for catalogue in catalogues for name in catalogue.classes}
    always = {kind.value for kind in LISTED_BY}
    listed_by_classes = (
        kind for kind, sources in FOLDERS.items() if kind in always or any(name in known for name, _ in sources)
    )
    return [*listed_by_classes, EMBEDDINGS]
