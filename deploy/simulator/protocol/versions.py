"""The two protocols the simulator speaks. Every difference between them is a field of this table.

Measured on ComfyUI 0.8.0 and 0.33.0; tests/data/comfyui holds what they said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

OLDER_FOLDERS = (
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "latent_upscale_models",
    "custom_nodes",
    "hypernetworks",
    "photomaker",
    "classifiers",
    "model_patches",
    "audio_encoders",
)


@dataclass(frozen=True)
class Protocol:
    """One version of the protocol."""

    version: str  # as /system_stats says it
    # POST /prompt refuses a prompt_id that is no canonical lower-case UUID; null is no id at all.
    ids_are_uuids: bool
    # Refusals of unknown classes and of cycles say which nodes are meant.
    names_nodes_at_fault: bool
    # What a cached node had shown is in the history even if the prompt has no client.
    lists_cached_without_client: bool
    # What a prompt does not use leaves the cache when its first node is done, not when it starts.
    drops_cache_late: bool
    # Jobs have the status "cancelled", and POST /api/jobs/{id}/cancel and /api/jobs/cancel exist.
    cancels_jobs: bool
    # The list of jobs counts what can be previewed, and only files count as outputs.
    counts_previewable: bool
    # The header Comfy-Usage-Source is kept in the prompt's extra_data.
    keeps_usage_source: bool
    # Nodes that save or show something also give it on, and classes are described with more fields.
    saving_nodes_give: bool
    # GET /node_replacements exists, and classes that a server lacks are run as others.
    replaces_nodes: bool
    features: Mapping[str, Any]
    model_folders: tuple[str, ...]
    system: Mapping[str, Any]


MANAGER = {"manager": {"supports_v4": True}}
LARGEST_UPLOAD = 104857600

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "0.8": Protocol(
            version="0.8.0",
            ids_are_uuids=False,
            names_nodes_at_fault=False,
            lists_cached_without_client=False,
            drops_cache_late=False,
            cancels_jobs=False,
            counts_previewable=False,
            keeps_usage_source=False,
            saving_nodes_give=False,
            replaces_nodes=False,
            features={"supports_preview_metadata": True, "max_upload_size": LARGEST_UPLOAD, "extension": MANAGER},
            model_folders=OLDER_FOLDERS,
            system={"required_frontend_version": "1.35.9", "required_templates_version": "0.7.67"},
        ),
        "0.33": Protocol(
            version="0.33.0",
            ids_are_uuids=True,
            names_nodes_at_fault=True,
            lists_cached_without_client=True,
            drops_cache_late=True,
            cancels_jobs=True,
            counts_previewable=True,
            keeps_usage_source=True,
            saving_nodes_give=True,
            replaces_nodes=True,
            features={
                "supports_preview_metadata": True,
                "supports_model_type_tags": True,
                "max_upload_size": LARGEST_UPLOAD,
                "extension": MANAGER,
                "node_replacements": True,
                "assets": False,
            },
            model_folders=(
                *OLDER_FOLDERS,
                "datasets",
                "background_removal",
                "frame_interpolation",
                "geometry_estimation",
                "optical_flow",
                "detection",
            ),
            system={
                "required_frontend_version": "1.49.6",
                "required_templates_version": "0.11.44",
                "comfy_package_versions": [],
                "deploy_environment": "local-git",
            },
        ),
    }
)
NEWEST = "0.33"


@dataclass
class Spoken:
    """The protocol in force; it can be changed while the server runs."""

    first: str
    name: str

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.name]

    def change(self, name: object) -> None:
        """ValueError if there is no such protocol."""
        if not isinstance(name, str) or name not in PROTOCOLS:
            raise ValueError(f"unknown protocol {name!r}: one of {', '.join(PROTOCOLS)}")
        self.name = name

    def reset(self) -> None:
        self.name = self.first
