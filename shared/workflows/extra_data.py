"""What is sent to ComfyUI along with a graph, in `extra_data`: pure."""

from collections.abc import Mapping
from typing import Any

PREVIEW_METHOD = "latent2rgb"  # needs no model of its own


def extra_data(params: Mapping[str, Any], extra_pnginfo: Mapping[str, Any] | None) -> dict[str, Any]:
    """By the `params` of a job, and what its owner wants to have in the pictures."""
    previews = {"preview_method": PREVIEW_METHOD} if params.get("previews") else {}
    return previews if extra_pnginfo is None else {**previews, "extra_pnginfo": dict(extra_pnginfo)}
