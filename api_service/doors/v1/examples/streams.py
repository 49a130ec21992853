"""Tickets for streams."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.streams.views import TicketView

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    TicketView: {"ticket": {"ticket": "st_<secret>", "expires_at": "2026-01-01T12:01:00Z"}},
}
