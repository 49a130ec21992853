"""One run of a schedule: its job is recorded, or the reason why there is none."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from shared.accounts.quotas import queued_jobs
from shared.configuration.choices import IN_TURNS, Sharing
from shared.database.clock import database_time
from shared.files.asset_uses import held_assets, record_uses
from shared.jobs import before_start
from shared.jobs.failures.quarantine import WorkflowQuarantined, quarantined, why
from shared.jobs.insert import was_made_meanwhile
from shared.models import LIVE, ApiKey, GenerationJob, Overlap, Schedule, Scope, User
from shared.schedules.template import JobTemplate, job_from
from shared.usage.budgets import NO_BUDGETS, Budgets, used_up
from shared.webhooks.own import OwnWebhook, record_webhooks

MAY_SUBMIT = [str(Scope.WRITE), str(Scope.ADMIN)]


class Skipped(Exception):
    """A run that makes no job: a stable code, and why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class MadeAlready(Skipped):
    """There is a job under the idempotency key. The transaction that met it can write nothing any more."""

    def __init__(self) -> None:
        super().__init__("made_already", "there is a job already that was made under the key of this run")


class Quotas(NamedTuple):
    """What a user may have, where the key of a schedule or the user's row says nothing else; None for no limit.
    `sharing` is how users share the servers."""

    queued_jobs: int | None
    stored_bytes: int | None
    sharing: Sharing = IN_TURNS
    budgets: Budgets = NO_BUDGETS


def run(session: Session, schedule: Schedule, planned_at: datetime, quotas: Quotas) -> GenerationJob:
    """Record the job that was planned for this moment, with all that belongs to it. The schedule's row is held.

    Raises Skipped, and MadeAlready where nothing more can be written.
    """
    refuse_overlap(session, schedule)
    refuse_without_key(session, schedule)
    refuse_beyond_quotas(session, schedule, quotas)
    return record(
        session, schedule, planned_at, sharing=quotas.sharing, idempotency_key=key_of_run(schedule, planned_at)
    )


def key_of_run(schedule: Schedule, planned_at: datetime) -> str:
    """The idempotency key of a planned run's job: there is one at most."""
    return f"schedule-{schedule.id}-{planned_at.astimezone(UTC):%Y%m%dT%H%MZ}"


def record(
    session: Session, schedule: Schedule, planned_at: datetime, *, sharing: Sharing, **origin: str | None
) -> GenerationJob:
    """Record a job of the schedule now. Raises Skipped."""
    template, now = JobTemplate.model_validate(schedule.template), database_time(session)
    hold_assets(session, schedule.user_id, template)
    refuse_quarantined(session, template)
    job = job_from(template, schedule.user_id, now, schedule_id=schedule.id, key_id=schedule.key_id, **origin)
    try:
        before_start.submit(session, job, sharing=sharing)
    except IntegrityError as error:
        if not was_made_meanwhile(error):
            raise
        raise MadeAlready from error
    record_uses(session, [(job.id, template.asset_ids)])
    if schedule.webhook_url is not None:
        webhook = OwnWebhook(schedule.webhook_url, schedule.webhook_secret)
        record_webhooks(session, schedule.user_id, [(job.id, webhook)])
    schedule.last_planned_at, schedule.last_made_at, schedule.last_job_id = planned_at, now, job.id
    schedule.skips = 0
    return job


def hold_assets(session: Session, user_id: UUID, template: JobTemplate) -> None:
    needed = {(user_id, asset_id) for asset_id in template.asset_ids}
    if needed and (gone := needed - held_assets(session, needed)):
        raise Skipped("asset_gone", f"the asset {min(str(one) for _, one in gone)} that the job takes was deleted")


def refuse_quarantined(session: Session, template: JobTemplate) -> None:
    for suspect in quarantined(session, [template.columns.get("workflow_key")]).values():
        raise Skipped(WorkflowQuarantined.code, why(suspect))


def refuse_overlap(session: Session, schedule: Schedule) -> None:
    if schedule.overlap is Overlap.QUEUE:
        return
    of_schedule = (col(GenerationJob.schedule_id) == schedule.id, col(GenerationJob.status).in_(LIVE))
    found = session.exec(select(GenerationJob.id).where(*of_schedule).limit(1)).first()
    if found is not None:
        raise Skipped("overlap", f"job {found} of an earlier run has not ended")


def refuse_without_key(session: Session, schedule: Schedule) -> None:
    """A user who cannot submit by hand does not by a schedule."""
    is_good = and_(
        col(ApiKey.user_id) == schedule.user_id,
        col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now()),
        col(ApiKey.scopes).op("&&")(MAY_SUBMIT),
    )
    if session.exec(select(ApiKey.id).where(is_good).limit(1)).first() is None:
        raise Skipped("no_key", "its user has no key left that may submit jobs")


def refuse_beyond_quotas(session: Session, schedule: Schedule, quotas: Quotas) -> None:
    key = session.get(ApiKey, schedule.key_id)
    most = quotas._asdict() | (key.limits if key else {})
    queued, stored = most["queued_jobs"], most["stored_bytes"]
    if queued is not None and queued_jobs(session, schedule.user_id, queued) >= queued:
        raise Skipped("queued_jobs", f"{queued} jobs of the user wait, and no more may")
    user = session.get_one(User, schedule.user_id)
    if stored is not None and user.stored_bytes >= stored:
        raise Skipped("stored_bytes", f"what the user has stored has reached {stored} bytes")
    if exceeded := used_up(session, user, quotas.budgets):
        raise Skipped(exceeded.budget.limit, exceeded.reason)
