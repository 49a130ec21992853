"""What this end of a connection understands, as ComfyUI says it."""

from typing import Any


def features(largest_upload: int) -> dict[str, Any]:
    return {
        "supports_preview_metadata": True,
        "max_upload_size": largest_upload,
        "extension": {"manager": {"supports_v4": False}},
    }
