"""Users and their keys."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.accounts.bodies import KeyBody, UserBody, UserChange
from api_service.doors.v1.accounts.usage import UsageView
from api_service.doors.v1.accounts.views import KeyPage, KeyView, MeView, NewKeyView, UserPage, UserView

USER: dict[str, Any] = {
    "id": "0b0a1c52-4c1e-4f0e-9c63-0d5f1a2b3c4d",
    "name": "studio-7",
    "stored_bytes": 412345,
    "running_jobs_limit": None,
    "weight": 1.0,
    "retention_days": {"jobs": 365, "outputs": None},
    "budget": {"gpu_seconds": 36000},
    "created_at": "2026-01-01T12:00:00Z",
}
KEY: dict[str, Any] = {
    "id": "k3v9x0q2m7ab",
    "user_id": USER["id"],
    "name": "render farm",
    "scopes": ["jobs:read", "jobs:write"],
    "limits": {"requests_per_minute": 1200},
    "state": "good",
    "created_at": "2026-01-01T12:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-01-01T12:00:00Z",
}
USED: dict[str, Any] = {
    "day": "2026-01-01",
    "server": "gpu-1",
    "attempts": 41,
    "gpu_seconds": 1234.5,
    "lost_gpu_seconds": 0.0,
    "completed": 40,
    "failed": 1,
    "cancelled": 0,
    "expired": 0,
    "bytes": 81234567,
}
OWN = ("id", "name", "scopes", "expires_at")

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    UserBody: {"plain": {"name": "studio-7"}, "limited": {"name": "guest", "running_jobs_limit": 1, "weight": 0.5}},
    UserChange: {
        "limited": {"running_jobs_limit": 4, "weight": 2},
        "kept": {"retention_days": {"jobs": 30, "assets": None}},
        "with a budget": {"budget": {"gpu_seconds": 36000, "jobs": None}},
    },
    UserView: {"user": USER},
    UserPage: {"all": {"items": [USER], "next": None, "cursor": None}},
    KeyBody: {
        "plain": {"name": "render farm"},
        "reader": {"name": "dashboard", "scopes": ["jobs:read"], "limits": {"requests_per_minute": 60}},
    },
    KeyView: {"key": KEY},
    NewKeyView: {"shown once": {**KEY, "last_used_at": None, "key": f"gn_{KEY['id']}_<secret>"}},
    KeyPage: {"all": {"items": [KEY], "next": None, "cursor": None}},
    UsageView: {"by day and server": {"first_day": "2026-01-01", "last_day": "2026-01-31", "items": [USED]}},
    MeView: {
        "me": {
            "user": {"id": USER["id"], "name": USER["name"]},
            "key": {name: KEY[name] for name in OWN},
            "limits": {"requests_per_minute": 1200, "stored_bytes": None},
            "queued_jobs": 3,
            "stored_bytes": 412345,
            "budget": {
                "gpu_seconds": {"budget": 36000, "used": 1234.5},
                "jobs": {"budget": None, "used": 321},
                "resets_at": "2026-02-01T00:00:00Z",
            },
        }
    },
}
