"""What is owed to endpoints is written in the transaction that ends the job: neither lost, nor told of what was not.

Nothing is sent here. A delivery is a row that is due, see `shared.webhooks.due`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ARRAY,
    Integer,
    LargeBinary,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    not_,
    or_,
    select,
    text,
)
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import GenerationJob, JobWebhook, WebhookEndpoint
from shared.webhooks.payload import JOB_FIELDS, WebhookEvent, job_body

JOB_IDS = bindparam("job_ids", type_=ARRAY(Integer))
KIND = bindparam("kind", type_=Text)
OWE: Prepared[None] = Prepared(
    "owe",
    text("""
    INSERT INTO webhook_deliveries (id, endpoint_id, job_id, url, secret, type, body, state)
    SELECT id, endpoint_id, job_id, url, secret, :type, body, 'pending'
    FROM unnest(:ids, :endpoint_ids, :owed_jobs, :urls, :secrets, :bodies)
        AS owed (id, endpoint_id, job_id, url, secret, body)
    """).bindparams(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("endpoint_ids", type_=ARRAY(Uuid)),
        bindparam("owed_jobs", type_=ARRAY(Integer)),
        bindparam("urls", type_=ARRAY(Text)),
        bindparam("secrets", type_=ARRAY(LargeBinary)),
        bindparam("bodies", type_=ARRAY(Text)),
        bindparam("type", type_=Text),
    ),
    row=lambda: None,
)


def wanted_by() -> Select[Any]:
    """The endpoints that want to hear of these jobs, each with a job. They are held, so that none is deleted before the
    rows that name it are written: no job's end fails by that. A job's own webhook goes by the endpoint `of_jobs`."""
    names = ("id", "events", "completed_at", "updated_at", *(name for name in JOB_FIELDS if name != "metadata"))
    metadata, of_jobs = col(GenerationJob.caller_metadata), col(WebhookEndpoint.of_jobs)
    wants = and_(
        not_(of_jobs),
        any_(col(WebhookEndpoint.event_types)) == KIND,
        metadata.contains(col(WebhookEndpoint.metadata_filter)),
    )
    own = and_(of_jobs, col(JobWebhook.job_id) == col(GenerationJob.id))
    return (
        select(
            col(WebhookEndpoint.id).label("endpoint_id"),
            *(getattr(GenerationJob, name) for name in names),
            metadata.label("metadata"),
            col(JobWebhook.url),
            col(JobWebhook.secret),
        )
        .join(GenerationJob, col(GenerationJob.user_id) == col(WebhookEndpoint.user_id))
        .outerjoin(JobWebhook, own)
        .where(
            col(GenerationJob.id) == any_(JOB_IDS),
            col(WebhookEndpoint.enabled),
            or_(wants, col(JobWebhook.job_id).is_not(None)),
        )
        .order_by(col(WebhookEndpoint.id), col(GenerationJob.id))
        .with_for_update(of=WebhookEndpoint, read=True, key_share=True)
    )


WANTED_BY: Prepared[Row[Any]] = Prepared("wanted_by", wanted_by(), row=Row, columns=tuple(wanted_by().selected_columns))


def owe(session: Session, job_ids: Sequence[int], event: WebhookEvent, data: Mapping[str, Any]) -> None:
    """Owe a delivery to each endpoint that wants to hear of these jobs, which have just ended."""
    found = WANTED_BY.execute(session, {"job_ids": job_ids, "kind": event.value}).all()
    if found:
        OWE.execute(
            session,
            {
                "ids": [uuid4() for _ in found],
                "endpoint_ids": [job.endpoint_id for job in found],
                "owed_jobs": [job.id for job in found],
                "urls": [job.url for job in found],
                "secrets": [job.secret for job in found],
                "bodies": [job_body(event, job, data) for job in found],
                "type": event.value,
            },
        )
