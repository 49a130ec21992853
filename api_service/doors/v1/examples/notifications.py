"""Examples of notifications and of what users ask to be told."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.notifications.bodies import AddressBody, CodeBody, PreferencesChange, UpToBody
from api_service.doors.v1.notifications.views import (
    NotificationPage,
    NotificationView,
    PreferencesView,
    ReadView,
    UnreadView,
)

NOTIFICATION = {
    "id": 1042,
    "kind": "job_completed",
    "title": "Job 42 is completed, with 1 output",
    "job_id": 42,
    "batch_id": None,
    "server": None,
    "data": {"job_type": "image", "output_count": 1},
    "created_at": "2026-01-01T12:00:07Z",
    "read_at": None,
}
PREFERENCES = {
    "in_app": ["job_completed", "job_failed", "batch_done"],
    "email": ["job_failed", "batch_done"],
    "webhook": [],
    "address": "anna@example.com",
    "pending_address": None,
    "sends_mail": True,
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    PreferencesChange: {
        "in the app": {"in_app": ["job_completed", "job_failed", "batch_done"]},
        "no e-mail": {"email": []},
    },
    AddressBody: {"anna": {"address": "anna@example.com"}},
    CodeBody: {"as mailed": {"code": "MFRG-GZDF-MZTW-Q2LK"}},
    UpToBody: {"all": {}, "up to one": {"up_to": 1042}},
    NotificationView: {"a job": NOTIFICATION},
    NotificationPage: {"last": {"items": [NOTIFICATION], "next": None, "cursor": None}},
    UnreadView: {"three": {"unread": 3}},
    ReadView: {"three": {"read": 3}},
    PreferencesView: {"some": PREFERENCES},
}
