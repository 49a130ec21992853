"""What an endpoint is told: an event in the form of Standard Webhooks, always below 20 kB."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Text, case, column, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from shared.models import EventType

# Together with ids, times and ROOT_PATH before each URL, what these let through is below 20 kB however it is written.
LONGEST_MESSAGE = 2000  # characters of an error, each of six bytes at most
LARGEST_METADATA = 6200  # bytes with blanks; only numbers such as 1e308 make accepted ones longer
MOST_OUTPUTS = 20
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


def job_body_sql(job: FromClause, kind: ColumnElement[str], data: ColumnElement[Any]) -> ColumnElement[str]:
    """The body that tells of a job's end, made by PostgreSQL from the job's row and the `data` of its last event.

    Of more outputs than fit, the first are named; `output_count` says how many there are.
    """
    told = built(
        {
            "job_id": job.c.id,
            "sequence": job.c.events,
            **{name: job.c[name] for name in JOB_FIELDS if name != "metadata"},
            "metadata": metadata_sql(job.c.metadata),
            "ended_at": job.c.completed_at,
            "error": error_sql(kind, data),
            "output_count": func.coalesce(func.jsonb_array_length(part_of(data, "outputs")), 0),
            "outputs": outputs_sql(data),
        }
    )
    body = built({"type": kind, "timestamp": job.c.updated_at, "data": told})
    return body.cast(Text)


def built(parts: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    pairs = (part for name, value in parts.items() for part in (literal(name, Text), value))
    return func.jsonb_build_object(*pairs, type_=JSONB)


def part_of(value: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return func.jsonb_extract_path(value, name, type_=JSONB)


def metadata_sql(metadata: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.octet_length(metadata.cast(Text)) <= LARGEST_METADATA, metadata), else_=null())


def error_sql(kind: ColumnElement[str], data: ColumnElement[Any]) -> ColumnElement[Any]:
    message = func.left(func.jsonb_extract_path_text(data, "message"), LONGEST_MESSAGE)
    said = built({"code": part_of(data, "code"), "message": message})
    return case((kind == WebhookEvent.FAILED.value, said), else_=null())


def outputs_sql(data: ColumnElement[Any]) -> ColumnElement[Any]:
    of_outputs = func.jsonb_array_elements(part_of(data, "outputs"))
    one = of_outputs.table_valued(column("output", JSONB), with_ordinality="place").render_derived("told")
    shown = built({name: part_of(one.c.output, name) for name in OUTPUT_FIELDS})
    listed = func.jsonb_agg(aggregate_order_by(shown, one.c.place))
    found = select(listed).select_from(one).where(one.c.place.cast(Integer) <= MOST_OUTPUTS)
    return func.coalesce(found.scalar_subquery(), func.jsonb_build_array())


def body_below(root: str, body: str) -> str:
    """A stored body as it is sent: with the addresses of outputs below ROOT_PATH. The same at every try."""
    if not root:
        return body
    told = json.loads(body)
    for output in told["data"].get("outputs", ()):
        output["url"] = f"{root}{output['url']}"
    return json.dumps(told, ensure_ascii=False)
