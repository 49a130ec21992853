"""What operators ask, without a key."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.binding import DOOR
from api_service.doors.operator import arrival, comfyui, health
from api_service.doors.operator.comfyui import PromptEndedBody
from api_service.doors.operator.views import LiveView, ReadyView
from api_service.http.operations import routes_of

OPERATIONS = (*health.OPERATIONS, *arrival.OPERATIONS, *comfyui.OPERATIONS)

ROUTES = routes_of(OPERATIONS, DOOR)

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    PromptEndedBody: {"ended": {"type": "prompt.ended", "data": {"prompt_id": "1f0c7a52-0000-4000-8000-000000000042"}}},
    LiveView: {"ok": {"status": "ok"}},
    ReadyView: {
        "ready": {
            "status": "ready",
            "database": {"ok": True, "detail": "answers"},
            "redis": {"ok": True, "detail": "answers"},
            "worker": {"ok": True, "detail": "2 seen in the last 30 s"},
            "comfyui": {"ok": True, "detail": "1 of 1 usable"},
            "storage": {"ok": True, "detail": "no worker has trouble with it"},
            "clock": {"ok": True, "detail": "agrees with the database's to a second"},
            "queue": {"ok": True, "detail": "is not paused"},
        }
    },
}
