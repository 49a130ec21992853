"""Pauses of the queue and of users."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.pauses.pauses import PauseBody
from api_service.jobs.waiting.pausing import OperatorPauseView, PausesView

PAUSE: dict[str, Any] = {
    "scope": "queue",
    "reason": "new graphics cards at noon",
    "paused_at": "2026-01-01T11:00:00Z",
    "user_id": None,
    "paused_by": "operator",
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    PauseBody: {"with a reason": {"reason": PAUSE["reason"]}, "without": {}},
    OperatorPauseView: {"queue": PAUSE},
    PausesView: {"queue": {"items": [PAUSE]}, "nothing": {"items": []}},
}
