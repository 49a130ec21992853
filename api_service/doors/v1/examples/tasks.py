"""Examples of tasks."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.tasks.bodies import TaskBody
from api_service.doors.v1.tasks.views import TaskPage, TaskView

TASK = {
    "id": "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b",
    "user_id": "1f0c7a52-0000-4000-8000-000000000009",
    "kind": "delete_jobs",
    "state": "running",
    "percent": 41.7,
    "done": 500,
    "total": 1200,
    "parameters": {"filter": {"status": ["failed"]}},
    "result": {"changed": 500, "skipped": {}, "dry_run": False},
    "error": None,
    "file": None,
    "cancel_requested": False,
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:02Z",
    "started_at": "2026-01-01T12:00:01Z",
    "completed_at": None,
    "expires_at": None,
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    TaskBody: {
        "delete": {"kind": "delete_jobs", "filter": {"status": ["failed"], "created_before": "2026-01-01T00:00:00Z"}},
        "how many": {"kind": "delete_jobs", "all": True, "dry_run": True},
        "tag": {"kind": "tag_jobs", "ids": [41, 42], "metadata": {"project": "lighthouse", "draft": None}},
        "report": {
            "kind": "report",
            "first_day": "2026-01-01",
            "last_day": "2026-01-31",
            "time_zone": "Europe/Berlin",
            "format": "html",
        },
        "export": {"kind": "export", "filter": {"metadata": ["project:lighthouse"]}},
        "import": {"kind": "import", "url": "https://files.example.com/jobs.zip"},
        "hurry": {"kind": "prioritize_jobs", "filter": {"metadata": ["project:lighthouse"]}, "priority": 9},
    },
    TaskView: {"running": TASK},
    TaskPage: {"last": {"items": [TASK], "next": None, "cursor": None}},
}
