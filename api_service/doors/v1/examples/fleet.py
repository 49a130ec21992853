"""What the servers can do."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.fleet.bodies import NewServer, ServerChange
from api_service.doors.v1.fleet.views import ModelsView, NodeClassView
from api_service.fleet.fleet_queries import NamedServer, ServersView, ServerView
from api_service.overview.history import HistoryView
from api_service.overview.overview import OverviewView

SERVER: dict[str, Any] = {
    "name": "http://gpu-1:8188",
    "state": "up",
    "draining": False,
    "slots": {"total": 2, "used": 1},
    "weight": 1.0,
    "labels": ["a100"],
    "added_at": None,
    "removed_at": None,
    "has_credentials": False,
    "version": "0.8.0",
    "last_seen_at": "2026-01-01T12:00:00Z",
    "unreachable_since": None,
    "wedged_since": None,
    "unfit_since": None,
    "stuck_since": None,
    "foreign_prompts": 0,
    "open_until": None,
    "problem": None,
    "notes": {},
    "loaded_checkpoint": "random_sd15.safetensors",
    "models": {"checkpoints": 3, "loras": 12},
    "recent_failures": [{"code": "prompt_lost", "count": 1, "last_at": "2026-01-01T11:55:00Z"}],
    "probes": [{"kind": "answers", "at": "2026-01-01T12:00:00Z", "outcome": "passed", "problem": None}],
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    ModelsView: {
        "checkpoints": {
            "kind": "checkpoints",
            "items": [{"name": "random_sd15.safetensors", "servers": 2, "available": True}],
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
    ServersView: {"one": {"items": [SERVER]}},
    ServerView: {"up": SERVER},
    NewServer: {
        "least": {"url": "http://gpu-7:8188"},
        "whole": {
            "url": "https://gpu-8/comfy",
            "slots": 4,
            "weight": 2.0,
            "labels": ["a100", "nvlink"],
            "credentials": {"user": "ann", "password": "secret"},
        },
    },
    ServerChange: {"labels": {"server": SERVER["name"], "labels": ["a100"], "weight": 1.5}},
    OverviewView: {
        "a queue": {
            "at": "2026-01-01T12:00:30Z",
            "waiting": {"9": 1, "5": 41},
            "scheduled": 3,
            "running": 2,
            "oldest_wait_s": 95.5,
            "users": [
                {
                    "user_id": "0b0a1c52-4c1e-4f0e-9c63-0d5f1a2b3c4d",
                    "name": "anna",
                    "waiting": 42,
                    "running": 2,
                    "oldest_wait_s": 95.5,
                }
            ],
            "stored_bytes": 41234567,
            "step_s": 60,
            "ended": [{"at": "2026-01-01T11:59:00Z", "completed": 12, "failed": 1}],
        }
    },
    HistoryView: {
        "an hour": {
            "step_s": 60,
            "items": [
                {
                    "at": "2026-01-01T11:59:00Z",
                    "waiting": {"9": 1.0, "5": 41.0},
                    "oldest_wait_s": 95.5,
                    "slots": 4.0,
                    "slots_used": 2.0,
                    "servers": 2.0,
                    "servers_busy": 1.0,
                    "stored_bytes": 41234567,
                }
            ],
        }
    },
    NamedServer: {"gpu-1": {"server": SERVER["name"]}},
}
