"""Examples for the OpenAPI document, by model; a test holds each to its model."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.examples import (
    accounts,
    assets,
    failures,
    fleet,
    jobs,
    notifications,
    schedules,
    streams,
    tasks,
    webhooks,
)

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    **jobs.EXAMPLES,
    **streams.EXAMPLES,
    **accounts.EXAMPLES,
    **fleet.EXAMPLES,
    **assets.EXAMPLES,
    **webhooks.EXAMPLES,
    **schedules.EXAMPLES,
    **notifications.EXAMPLES,
    **tasks.EXAMPLES,
    **failures.EXAMPLES,
}
