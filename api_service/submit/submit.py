"""A job is accepted once its row is committed; only then is a worker told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from anyio import from_thread
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from api_service.accounts.keyring import Identity
from api_service.doors.v1.jobs.bodies import AnyJob
from api_service.jobs import job_queries
from api_service.limits.enforce import check_quotas, count_submissions, limits_submissions
from api_service.refusals.jobs import job_not_found
from api_service.services import Services
from api_service.submit.checking import check_all
from api_service.submit.idempotency import Once, made_before, was_made_meanwhile
from api_service.submit.row import new_job
from shared.database.engine import transaction
from shared.jobs import before_start
from shared.messaging.after_commit import Outbox
from shared.messaging.messages import RunComfyJob
from shared.models import GenerationJob, JobOutput


@dataclass(frozen=True)
class Submission:
    """Jobs that are submitted together, by whom, whose they will be, and in which request.

    `batch_id` is that of a batch; `parent_id` the job that this one repeats.
    """

    bodies: Sequence[AnyJob]
    identity: Identity
    user_id: UUID
    request_id: str
    once: Once | None = None
    batch_id: UUID | None = None
    parent_id: int | None = None


@dataclass(frozen=True)
class Accepted:
    """The jobs of a submission; `replayed` if they were made by the same request before."""

    jobs: Sequence[GenerationJob]
    notes: Sequence[Sequence[str]] = ()
    outputs: Mapping[int, Sequence[JobOutput]] = field(default_factory=dict)
    replayed: bool = False


def submit(services: Services, submission: Submission) -> Accepted:
    """Record the jobs, all or none, and send their wake-ups: `queued`. What Redis does not take is `pending` until
    the sweep sends it. Raises Refusal for jobs that are refused."""
    if replayed := replay(services, submission):
        return replayed
    checked = check_all(submission.bodies, services, one_of_many=submission.batch_id is not None)
    jobs = new_jobs(submission)
    try:
        with services.outbox.transaction() as session:
            check_quotas(session, services, submission.identity, submission.user_id, len(jobs))
            # They are good, new, and not too many: only now they count. Nothing is locked yet. This is a thread of the
            # event loop's, and Redis is asked there.
            if limits_submissions(services, submission.identity):
                from_thread.run(count_submissions, services, submission.identity, len(jobs))
            lock_parent(session, submission.parent_id)
            before_start.submit_all(session, jobs)
    except IntegrityError as error:
        if not was_made_meanwhile(error):
            raise
        # The same key, at the same time. Should its job be gone again, this one is the first.
        return replay(services, submission) or submit(services, submission)
    return Accepted(wake_up(services.outbox, jobs), notes=[one.notes for one in checked])


def replay(services: Services, submission: Submission) -> Accepted | None:
    """What the same request made before, as it stands. Raises Refusal 422 if the key came with another."""
    if submission.once is None:
        return None
    with transaction(services.engine) as session:
        jobs = made_before(session, submission.user_id, submission.once)
        if not jobs:
            return None
        outputs = job_queries.outputs_of(session, [job.id for job in jobs])
        return Accepted(jobs, notes=[()] * len(jobs), outputs=outputs, replayed=True)


def new_jobs(submission: Submission) -> list[GenerationJob]:
    """The rows of a submission; each notes which request it came with, the first its key."""
    accepted_at = datetime.now(UTC)
    came = {name: getattr(submission, name) for name in ("request_id", "batch_id", "parent_id")}
    jobs = [new_job(body, submission.user_id, accepted_at, **came) for body in submission.bodies]
    if submission.once:
        jobs[0].idempotency_key, jobs[0].request_digest = submission.once
    return jobs


def lock_parent(session: Session, parent_id: int | None) -> None:
    """Keep the job that is repeated from being deleted meanwhile. Raises Refusal 404 if it just was."""
    if parent_id is not None:
        parent = select(GenerationJob.id).where(col(GenerationJob.id) == parent_id)
        if session.exec(parent.with_for_update(read=True, key_share=True)).one_or_none() is None:
            raise job_not_found(str(parent_id))


def wake_up(outbox: Outbox, jobs: Sequence[GenerationJob]) -> Sequence[GenerationJob]:
    """Send the wake-ups of those that are queued. Returns all, as they stand after that."""
    messages = [(RunComfyJob(job_id=job.id), job.message_id) for job in jobs if job.message_id]
    if not messages or outbox.send_all(messages):
        return jobs
    with outbox.transaction() as session:
        return [before_start.defer(session, job.id) or job for job in jobs]
