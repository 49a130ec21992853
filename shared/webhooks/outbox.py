"""What is owed to endpoints is written in the transaction that ends the job: neither lost, nor told of what was not.

Nothing is sent here. A delivery is a row that is due, see `shared.webhooks.due`.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import ARRAY, Integer, Row, Select, Text, and_, any_, bindparam, insert, not_, or_, select
from sqlmodel import Session, col

from shared.models import DeliveryState, GenerationJob, JobWebhook, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import JOB_FIELDS, WebhookEvent, job_body

JOB_IDS = bindparam("job_ids", type_=ARRAY(Integer))
KIND = bindparam("kind", type_=Text)


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


WANTED_BY = wanted_by()


def owe(session: Session, found: Sequence[Row[Any]], event: WebhookEvent, data: Mapping[str, Any]) -> None:
    """Owe a delivery to each of these endpoints, which `wanted_by` found, each with a job that has just ended."""
    if found:
        session.connection().execute(
            insert(WebhookDelivery),
            [
                {
                    "id": uuid4(),
                    "endpoint_id": job.endpoint_id,
                    "job_id": job.id,
                    "url": job.url,
                    "secret": job.secret,
                    "type": event,
                    "body": job_body(event, job, data),
                    "state": DeliveryState.PENDING,
                }
                for job in found
            ],
        )
