"""What the servers can do, and whether all is well."""

from typing import Any

from pydantic import BaseModel

from api_service.fleet_views import ModelsView, NodeClassView
from api_service.views import LiveView, ReadyView

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    ModelsView: {
        "checkpoints": {
            "kind": "checkpoints",
            "models": [{"name": "sd15.safetensors", "servers": 2, "available": True}],
            "unknown_servers": 0,
        }
    },
    NodeClassView: {
        "VAEDecode": {
            "name": "VAEDecode",
            "inputs": [
                {
                    "name": "samples",
                    "type": "LATENT",
                    "required": True,
                    "choices": None,
                    "minimum": None,
                    "maximum": None,
                }
            ],
            "outputs": ["IMAGE"],
            "output_node": False,
            "custom": False,
            "servers": 2,
            "available": True,
        }
    },
    LiveView: {"ok": {"status": "ok"}},
    ReadyView: {
        "ready": {
            "status": "ready",
            "database": {"ok": True, "detail": "answers"},
            "redis": {"ok": True, "detail": "answers"},
            "worker": {"ok": True, "detail": "2 seen in the last 30 s"},
            "comfyui": {"ok": True, "detail": "1 answered in the last 30 s"},
        }
    },
}
