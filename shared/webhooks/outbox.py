"""What is owed to endpoints is written in the transaction that ends the job: neither lost, nor told of what was not.

One INSERT finds who wants to hear and writes what each is told. Nothing is sent here. A delivery is a row that is due,
see `shared.webhooks.due`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.models import DeliveryState, GenerationJob, JobWebhook, WebhookDelivery, WebhookEndpoint
from shared.webhooks.payload import JOB_FIELDS, WebhookEvent, job_body_sql

JOB_IDS = bindparam("job_ids", type_=ARRAY(Integer))
KIND = bindparam("kind", type_=Text)
DATA = bindparam("told", type_=JSONB)
# What is told of a job, beside its id and that of its owner.
TOLD_COLUMNS = tuple(
    getattr(GenerationJob, "caller_metadata" if name == "metadata" else name).label(name)
    for name in ("id", "events", *JOB_FIELDS, "updated_at", "completed_at")
)


def owe_sql(job: FromClause, kind: ColumnElement[str], data: ColumnElement[Any]) -> Insert:
    """The INSERT of what is owed for jobs that have just ended, to each endpoint that wants to hear of them. `job` has
    TOLD_COLUMNS, and `data` is that of the jobs' last event.

    The endpoints are held, so that none is deleted before the rows that name it are written: no job's end fails by
    that. A job's own webhook goes by the endpoint `of_jobs`.
    """
    of_jobs = col(WebhookEndpoint.of_jobs)
    wants = and_(
        not_(of_jobs),
        any_(col(WebhookEndpoint.event_types)) == kind,
        job.c.metadata.op("@>")(col(WebhookEndpoint.metadata_filter)),
    )
    own = and_(of_jobs, col(JobWebhook.job_id) == job.c.id)
    values = {
        "id": func.gen_random_uuid(),
        "endpoint_id": col(WebhookEndpoint.id),
        "job_id": job.c.id,
        "url": col(JobWebhook.url),
        "secret": col(JobWebhook.secret),
        "type": kind,
        "body": job_body_sql(job, kind, data),
        "state": literal(DeliveryState.PENDING.value, Text),
    }
    wanted_by = (
        select(*values.values())
        .select_from(job)
        .join(WebhookEndpoint, col(WebhookEndpoint.user_id) == job.c.user_id)
        .outerjoin(JobWebhook, own)
        .where(col(WebhookEndpoint.enabled), or_(wants, col(JobWebhook.job_id).is_not(None)))
        .order_by(col(WebhookEndpoint.id), job.c.id)
        .with_for_update(of=WebhookEndpoint, read=True, key_share=True)
    )
    return insert(WebhookDelivery).from_select(list(values), wanted_by)


ENDED = select(*TOLD_COLUMNS).where(col(GenerationJob.id) == any_(JOB_IDS)).cte("job")
OWE: Prepared[None] = Prepared("owe", owe_sql(ENDED, KIND, DATA), row=lambda: None)


def owe(session: Session, job_ids: Sequence[int], event: WebhookEvent, data: Mapping[str, Any]) -> None:
    """Owe a delivery to each endpoint that wants to hear of these jobs, which have just ended."""
    OWE.rows(session, {JOB_IDS.key: job_ids, KIND.key: event.value, DATA.key: dict(data)})
