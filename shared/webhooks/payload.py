"""What an endpoint is told: an event in the form of Standard Webhooks, always below 20 kB."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from shared.configuration.urls.public_urls import LONGEST_ROOT_PATH
from shared.models import EventType

MOST_OUTPUTS = 20
LARGEST = 20_000 - MOST_OUTPUTS * LONGEST_ROOT_PATH  # bytes, as it is stored
LONGEST_MESSAGE = 2000  # characters of an error
OUTPUT_FIELDS = ("number", "kind", "media_type", "size_bytes", "url")


class WebhookEvent(StrEnum):
    """What can be told of: the end of a job, or what a user is notified of. `webhook.test` is sent when its owner asks
    for it."""

    COMPLETED = "job.completed"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"
    EXPIRED = "job.expired"
    NOTIFICATION = "notification.created"


TEST = "webhook.test"
NOTIFICATION = WebhookEvent.NOTIFICATION.value
OF_EVENTS = {
    EventType.COMPLETED: WebhookEvent.COMPLETED,
    EventType.FAILED: WebhookEvent.FAILED,
    EventType.CANCELLED: WebhookEvent.CANCELLED,
    EventType.EXPIRED: WebhookEvent.EXPIRED,
}
JOB_FIELDS = ("user_id", "job_type", "status", "batch_id", "parent_id", "metadata", "created_at", "started_at")


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": at, "data": data}, default=text_of, ensure_ascii=False)


def text_of(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def job_body(kind: WebhookEvent, job: Row[Any], data: Mapping[str, Any]) -> str:
    """The body that tells of a job's end. `data` is that of the job's last event.

    Of more outputs than fit, the first are named; `output_count` says how many there are.
    """
    outputs = [{name: one[name] for name in OUTPUT_FIELDS} for one in data.get("outputs", ())]
    told: dict[str, Any] = {
        "job_id": job.id,
        "sequence": job.events,
        **{name: getattr(job, name) for name in JOB_FIELDS},
        "ended_at": job.completed_at,
        "error": None,
        "output_count": len(outputs),
        "outputs": outputs[:MOST_OUTPUTS],
    }
    if kind is WebhookEvent.FAILED:
        told["error"] = {"code": data.get("code"), "message": str(data.get("message"))[:LONGEST_MESSAGE]}
    body = body_of(kind, job.updated_at, told)
    while len(body.encode()) >= LARGEST and told["outputs"]:
        told["outputs"].pop()
        body = body_of(kind, job.updated_at, told)
    return body


def body_below(root: str, body: str) -> str:
    """A stored body as it is sent: with the addresses of outputs below ROOT_PATH. The same at every try."""
    if not root:
        return body
    told = json.loads(body)
    for output in told["data"].get("outputs", ()):
        output["url"] = f"{root}{output['url']}"
    return json.dumps(told, ensure_ascii=False)
