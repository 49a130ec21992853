"""Examples of failures, and of workflows in quarantine."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.failures.bodies import FailureChange
from api_service.doors.v1.failures.views import FailurePage, FailureView, QuarantinePage, QuarantineView

FAILURE: dict[str, Any] = {
    "fingerprint": "5d41402abc4b2a76",
    "code": "node_failed",
    "node_class": "VAEDecode",
    "pattern": "node <n> (VAEDecode) failed: expected <n> channels, got <n>",
    "count": 12,
    "users": None,
    "first_at": "2026-01-01T12:00:00Z",
    "last_at": "2026-01-02T08:30:00Z",
    "servers": ["http://gpu-1:8188", "http://gpu-2:8188"],
    "job_id": 97,
    "jobs_url": "/api/v1/generation-jobs/?failure=5d41402abc4b2a76",
    "muted_until": None,
}
QUARANTINED: dict[str, Any] = {
    "fingerprint": "0f1e2d3c4b5a6978",
    "code": "prompt_lost",
    "attempts": 3,
    "servers": ["http://gpu-1:8188", "http://gpu-2:8188", "http://gpu-3:8188"],
    "first_at": "2026-01-01T12:00:00Z",
    "quarantined_at": "2026-01-01T12:09:00Z",
    "job_id": None,
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    FailureView: {"of one's own": FAILURE},
    FailurePage: {"last": {"items": [FAILURE], "next": None, "cursor": None}},
    FailureChange: {"mute": {"muted_until": "2026-02-01T00:00:00Z"}, "hear of it again": {"muted_until": None}},
    QuarantineView: {"one": QUARANTINED},
    QuarantinePage: {"last": {"items": [QUARANTINED], "next": None, "cursor": None}},
}
