"""A job is accepted once its row is committed; only then is a worker woken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from api_service.accounts.charge import Charge
from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.accounts.identity import Identity
from api_service.assets.keeping import Owner, Shelf
from api_service.fleet.capability_cache import CapabilityReader
from api_service.inputs.known_assets import assets_named_by
from api_service.inputs.uses import Use, record_uses
from api_service.jobs import job_queries
from api_service.limits.key_limits import KeyLimits
from api_service.limits.rates import Limit
from api_service.refusals.jobs import job_not_found
from api_service.submit.checks import CheckedJob, FieldName, check_all, graph_field
from api_service.submit.idempotency import made_before
from api_service.submit.job_request import JobRequest, new_job
from api_service.submit.outputs_taken import keep_outputs
from api_service.submit.priorities import capped
from api_service.submit.quarantine import Quarantine
from shared.configuration.choices import IN_TURNS, Sharing
from shared.database.engine import once_more, transaction
from shared.fleet.fence import OPEN, Fence
from shared.jobs import before_start
from shared.jobs.insert import was_made_meanwhile
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobOutput
from shared.tracing.tracing import OFF, Kind, Tracing
from shared.webhooks.own import record_webhooks


class Acceptance(NamedTuple):
    """What accepting a job needs. Made in `main`."""

    messenger: Messenger
    capabilities: CapabilityReader
    limits: KeyLimits
    threads: CapacityLimiter  # for work that blocks
    shelf: Shelf  # for outputs that jobs take in
    quarantine: Quarantine
    fence: Fence = OPEN
    sharing: Sharing = IN_TURNS
    tracing: Tracing = OFF


@dataclass(frozen=True)
class Submission:
    """Jobs that are submitted together: by whom, for whom, and in which request.

    `batch_id` is that of a batch, `parent_id` the job that this one repeats. `field_name` says how the door's clients
    call an input of the graph. `also` records what belongs to the jobs, in the transaction that records them.
    """

    jobs: Sequence[JobRequest]
    charge: Charge
    owner: UUID
    request_id: str
    idempotency_key: IdempotencyKey | None = None
    batch_id: UUID | None = None
    parent_id: int | None = None
    field_name: FieldName = graph_field
    also: Callable[[Session, Sequence[GenerationJob]], None] | None = None

    @property
    def identity(self) -> Identity:
        return self.charge.identity


@dataclass(frozen=True)
class Accepted:
    """The jobs of a submission; `replayed` if they were made by the same request before."""

    jobs: Sequence[GenerationJob]
    notes: Sequence[Sequence[str]] = ()
    outputs: Mapping[int, Sequence[JobOutput]] = field(default_factory=dict)
    replayed: bool = False


class Checked(NamedTuple):
    """The jobs of a submission are good, new and not too many."""

    jobs: Sequence[CheckedJob]


async def submit(acceptance: Acceptance, submission: Submission) -> Accepted:
    """Record the jobs, all or none, and send their wake-ups: `queued`. What Redis does not take is `pending` until
    the sweep sends it. Raises Refusal. Nothing is counted for jobs that are refused."""
    if acceptance.limits.are_counted(submission.charge, len(submission.jobs)):
        return await to_thread.run_sync(check_and_accept, acceptance, submission, limiter=acceptance.threads)
    checked = await to_thread.run_sync(found_good, acceptance, submission, limiter=acceptance.threads)
    if isinstance(checked, Accepted):
        return checked
    await acceptance.limits.count_submissions(submission.charge, len(submission.jobs))
    return await to_thread.run_sync(accept, acceptance, submission, checked, limiter=acceptance.threads)


def check_and_accept(acceptance: Acceptance, submission: Submission) -> Accepted:
    """Both at once, of jobs that were counted before: a thread that is changed costs as much as a statement."""
    checked = found_good(acceptance, submission)
    if isinstance(checked, Accepted):
        return checked
    submission.charge.reserved = 0  # they are used
    return accept(acceptance, submission, checked)


def found_good(acceptance: Acceptance, submission: Submission) -> Checked | Accepted:
    return once_more(partial(check, acceptance, submission))


def check(acceptance: Acceptance, submission: Submission) -> Checked | Accepted:
    """Look at everything for which the jobs may be refused; or find what the same request made before."""
    if replayed := replay(acceptance, submission):
        return replayed
    most = acceptance.limits.most(submission.identity, Limit.PRIORITY)
    asked = capped(submission.jobs, most, is_retry=submission.parent_id is not None)
    jobs = look_at(acceptance, asked, submission.owner, submission.field_name)
    acceptance.limits.check_quotas(
        acceptance.messenger.engine, submission.identity, submission.owner, len(submission.jobs)
    )
    return Checked(jobs)


def look_at(
    acceptance: Acceptance, jobs: Sequence[JobRequest], owner: UUID, field_name: FieldName = graph_field
) -> list[CheckedJob]:
    """The jobs as they would be sent for their owner. Reads what the servers can do, and the assets that the jobs name.

    Raises Refusal: invalid_fields, workflow_quarantined.
    """
    known = acceptance.capabilities.current()
    graphs = [(job.graph, job.assets) for job in jobs]
    assets = assets_named_by(acceptance.messenger.engine, owner, graphs, known)
    checked = check_all(jobs, known, field_name, acceptance.fence, assets)
    acceptance.quarantine.refuse([job.request for job in checked])
    return checked


def replay(acceptance: Acceptance, submission: Submission) -> Accepted | None:
    """What the same request made before, as it is now. Raises Refusal: idempotency_key_reused."""
    if submission.idempotency_key is None:
        return None
    with transaction(acceptance.messenger.engine) as session:
        jobs = made_before(session, submission.owner, submission.idempotency_key)
        if not jobs:
            return None
        outputs = job_queries.outputs_of(session, [job.id for job in jobs])
        return Accepted(jobs, notes=[()] * len(jobs), outputs=outputs, replayed=True)


def accept(acceptance: Acceptance, submission: Submission, checked: Checked) -> Accepted:
    """Keep what the jobs take in, then record them. Raises Refusal."""
    owner = Owner(submission.owner, acceptance.limits.most(submission.identity, Limit.STORED_BYTES))
    kept = Checked(keep_outputs(acceptance.shelf, owner, checked.jobs))
    return once_more(partial(record, acceptance, submission, kept))


def record(acceptance: Acceptance, submission: Submission, checked: Checked) -> Accepted:
    jobs = new_jobs(submission, checked, acceptance.tracing.traceparent())
    try:
        with acceptance.tracing.span("record jobs"), acceptance.messenger.transaction() as session:
            lock_parent(session, submission.parent_id)
            before_start.submit_all(session, jobs, sharing=acceptance.sharing)
            pairs = list(zip(jobs, checked.jobs, strict=True))
            record_uses(session, uses_of(pairs))
            record_webhooks(session, submission.owner, [(job.id, made.request.options.webhook) for job, made in pairs])
            if submission.also is not None:
                submission.also(session, jobs)
    except IntegrityError as error:
        if not was_made_meanwhile(error):
            raise
        # The same key, at the same time. If its job is gone again, this one is the first.
        return replay(acceptance, submission) or record(acceptance, submission, checked)
    return Accepted(wake_up(acceptance, jobs), notes=[job.notes for job in checked.jobs])


def uses_of(pairs: Sequence[tuple[GenerationJob, CheckedJob]]) -> list[Use]:
    """Which job takes which asset, and where its request named it."""
    return [
        Use(job.id, asset_id, f"{made.request.place}{field}")
        for job, made in pairs
        for asset_id, field in made.named.items()
    ]


def new_jobs(submission: Submission, checked: Checked, traceparent: str | None) -> list[GenerationJob]:
    """The rows of a submission. Each notes which request it came with, and its span; the first has its key."""
    origin = {name: getattr(submission, name) for name in ("request_id", "batch_id", "parent_id")}
    origin |= {"key_id": submission.identity.own_key, "traceparent": traceparent}
    jobs = [new_job(job.request, submission.owner, **origin) for job in checked.jobs]
    if submission.idempotency_key:
        jobs[0].idempotency_key, jobs[0].request_digest = submission.idempotency_key
    return jobs


def lock_parent(session: Session, parent_id: int | None) -> None:
    """Keep the job that is repeated from being deleted meanwhile. Raises Refusal: job_not_found, if it just was."""
    if parent_id is not None:
        parent = select(GenerationJob.id).where(col(GenerationJob.id) == parent_id)
        if session.exec(parent.with_for_update(read=True, key_share=True)).one_or_none() is None:
            raise job_not_found(parent_id)


def wake_up(acceptance: Acceptance, jobs: Sequence[GenerationJob]) -> Sequence[GenerationJob]:
    """Send the wake-ups of those that are queued. Returns all, as they are after that."""
    messages = [(RunComfyJob(job_id=job.id), job.message_id) for job in jobs if job.message_id]
    if not messages:
        return jobs
    with acceptance.tracing.span("send wake-ups", {"messaging.system": "dramatiq"}, Kind.PRODUCER) as span:
        if acceptance.messenger.send_all(messages):
            return jobs
        span.failed("redis_away")
    with acceptance.messenger.transaction() as session:
        return [before_start.defer(session, job.id) or job for job in jobs]
