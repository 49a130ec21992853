"""Examples of schedules."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.schedules.bodies import ScheduleBody, ScheduleChange
from api_service.doors.v1.schedules.views import (
    LastRunView,
    ListedScheduleView,
    NotedScheduleView,
    SchedulesView,
    ScheduleView,
    SkippedRunView,
)

ID = "3d5f6f1e-8c1b-4a57-9a55-0f1c3e5d7b90"
JOB = {"prompt": "a lighthouse at dawn", "checkpoint_model": "illustriousXL_v01.safetensors"}
LAST = {
    "planned_at": "2026-03-28T01:30:00Z",
    "made_at": "2026-03-28T01:30:00.4Z",
    "job_id": 42,
    "status": "completed",
    "completed_at": "2026-03-28T01:30:09Z",
    "error_code": None,
    "error_message": None,
    "link": "/api/v1/generation-jobs/42",
}
SKIP = {
    "planned_at": "2026-03-27T01:30:00Z",
    "at": "2026-03-27T01:30:00.6Z",
    "code": "overlap",
    "message": "job 41 of an earlier run has not ended",
}
LISTED = {
    "id": ID,
    "user_id": "1f0c7a52-0000-4000-8000-000000000009",
    "name": "every night",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "overlap": "skip",
    "missed": "run_once",
    "paused": False,
    "paused_reason": None,
    "next_runs": [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
        "2026-04-01T02:30:00+02:00",
        "2026-04-02T02:30:00+02:00",
    ],
    "last_run": LAST,
    "last_skip": SKIP,
    "skips": 0,
    "failures": 0,
    "failing": False,
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:00Z",
    "links": {
        "self": f"/api/v1/schedules/{ID}",
        "jobs": f"/api/v1/generation-jobs/?schedule={ID}",
        "run": f"/api/v1/schedules/{ID}/run",
    },
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    ScheduleBody: {
        "nightly": {"name": "every night", "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "job": JOB},
        "weekdays": {
            "name": "a series",
            "cron": "*/15 8-17 * * MON-FRI",
            "job": {**JOB, "metadata": {"project": "lighthouse"}},
            "overlap": "queue",
            "missed": "skip",
        },
    },
    ScheduleChange: {"pause": {"paused": True}, "another time": {"cron": "@daily", "time_zone": "UTC"}},
    LastRunView: {"completed": LAST},
    SkippedRunView: {"overlap": SKIP},
    ListedScheduleView: {"listed": LISTED},
    ScheduleView: {"nightly": {**LISTED, "job": JOB}},
    NotedScheduleView: {"nightly": {**LISTED, "job": JOB, "notes": []}},
    SchedulesView: {"all": {"items": [LISTED]}},
}
