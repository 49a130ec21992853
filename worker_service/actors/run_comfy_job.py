"""The deed of this service: take the best job there is, and bring it to its end or put it back."""

import structlog
from dramatiq import Retry
from dramatiq.middleware import TimeLimitExceeded
from sqlmodel import Session

from shared.database.engine import is_unavailable
from shared.fleet import servers
from shared.jobs import lifecycle
from shared.jobs.attempts import is_known_to_others
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim, Claimant
from shared.jobs.errors import (
    CancelRequested,
    GenerationError,
    LeaseLost,
    NotAFailure,
    Permanent,
    TimedOut,
    Unexpected,
    WorkerStopping,
)
from shared.messaging.messages import RunComfyJob
from shared.models import GenerationJob, JobOutput
from worker_service.dramatiq_glue.receiver import Delivery, receives
from worker_service.resources import Resources
from worker_service.run.attempt import Attempt
from worker_service.run.failures import BLAMED, treatment_of
from worker_service.run.retry_policy import Retry as Again
from worker_service.run.retry_policy import Tries, decide
from worker_service.run.withdraw import Withdrawal

log = structlog.get_logger(__name__)

HEEDS_NO_CANCEL = "a prompt that was cancelled is still there"


def can_help(_retries: int, error: BaseException) -> bool:
    """Whether the message should come again: for a job that was put back, or where the database was away."""
    return isinstance(error, Retry) or is_unavailable(error)


@receives(RunComfyJob, retry_when=can_help, throws=(Permanent, TimeLimitExceeded))
def run_comfy_job(message: RunComfyJob, delivery: Delivery) -> None:
    """Wake up, and run whichever job is due: the message only says that there is one."""
    resources = delivery.resources
    if resources.closing.is_set():
        return  # the sweep sends another wake-up, to those who stay
    claim = take(resources, delivery.message_id)
    if claim is None:
        log.debug("job.none_due", woken_by=message.job_id)
        return
    with (
        structlog.contextvars.bound_contextvars(
            job_id=claim.job.id,
            attempt=claim.lease.attempt,
            comfyui_prompt_id=claim.prompt.id,
            request_id=claim.job.request_id,
        ),
        resources.leases.holding(claim.lease) as mailbox,
    ):
        log.info("job.claimed", server=claim.prompt.server, adopted=claim.prompt == claim.doubt)
        attempt = Attempt(resources, claim, mailbox)
        try:
            bring_to_an_end(resources, attempt)
        finally:
            if attempt.has_slot:
                resources.wakeups.send_one(claim.job.id)
            else:
                resources.room.stored()


def take(resources: Resources, message_id: str) -> Claim | None:
    settings = resources.settings
    claimant = Claimant(
        resources.worker_id,
        message_id,
        resources.fleet.names,
        running_jobs=settings.limit_running_jobs,
    )
    with resources.outbox.transaction() as session:
        return claims.claim(session, claimant)


def bring_to_an_end(resources: Resources, attempt: Attempt) -> None:
    """Work, and write down what came of it. Raises what tells Dramatiq to send the message again, or to bury it."""
    try:
        finish_in_time(resources, attempt)
    except WorkerStopping:
        resources.settle(lambda session: lifecycle.release(session, attempt.lease))
        log.info("job.released")
    except LeaseLost:
        abandon(resources, attempt)


def finish_in_time(resources: Resources, attempt: Attempt) -> None:
    """Finish the job, or cancel it, unless the soft limit passes first."""
    try:
        try:
            finish(resources, attempt)
        except CancelRequested:
            cancel(resources, attempt)
    except TimeLimitExceeded:
        time_out(resources, attempt)
        raise


def finish(resources: Resources, attempt: Attempt) -> None:
    """Complete the job, put it back, or fail it."""
    try:
        outputs = attempt.work()
    except NotAFailure:
        attempt.discard()
        raise
    except GenerationError as error:
        failure = error
    except Exception as error:
        log.exception("job.failed_unexpectedly")
        failure = Unexpected(error)
    else:
        complete(resources, attempt, outputs)
        return
    put_back_or_fail(resources, attempt, failure)


def complete(resources: Resources, attempt: Attempt, outputs: list[JobOutput]) -> None:
    storing = attempt.storing

    try:
        resources.settle(lambda session: lifecycle.complete(session, attempt.lease, outputs, storing=storing))
    except NotAFailure:
        attempt.discard()
        raise
    log.info("job.completed", outputs=len(outputs), size_bytes=sum(output.size_bytes for output in outputs))


def put_back_or_fail(resources: Resources, attempt: Attempt, error: GenerationError) -> None:
    """As the table of failures says: the server's part first, then the job's."""
    treatment = treatment_of(error)
    if treatment.gone:
        # Until the lookout sees it answer again, which takes seconds.
        resources.server_is_gone(attempt.prompt.server, str(error))
    if treatment.free:
        attempt.free_memory()
    job = attempt.job
    tries = Tries(job.retries, job.max_attempts or resources.settings.max_attempts, attempt.claim.failures)
    again = decide(error, tries, resources.chance)
    attempt.discard()
    resources.settle(lambda session: write_down(session, attempt, error, again))
    if again is None:
        log.warning("job.failed", code=error.code, error=str(error))
        raise error
    log.warning("job.put_back", code=error.code, error=str(error), retry_in_s=again.delay.total_seconds())
    raise Retry(str(error), delay=round(again.delay.total_seconds() * 1000))


def write_down(session: Session, attempt: Attempt, error: GenerationError, again: Again | None) -> None:
    """The end of an attempt, and what it says of its server, in one transaction."""
    server, treatment = attempt.prompt.server, treatment_of(error)
    if again is None:
        lifecycle.fail(session, attempt.lease, error)
    else:
        lifecycle.retry(session, attempt.lease, error, again.outcome, again.delay)
        if treatment.elsewhere:
            claims.avoid(session, attempt.lease, server)
    if treatment.blamed:
        servers.blame(session, server, BLAMED)
    if treatment.trusted:
        servers.close_breaker(session, server)


def cancel(resources: Resources, attempt: Attempt) -> None:
    """Say that the job is cancelled, once its prompt is gone or its server is, or gets no more jobs."""
    patience = resources.settings.stall_timeout
    match attempt.withdraw(within_s=patience.total_seconds()):
        case Withdrawal.SILENT:
            resources.server_is_gone(attempt.prompt.server, "it did not answer while a job was being cancelled")
        case Withdrawal.STUCK:
            resources.server_is_wedged(attempt.prompt.server, HEEDS_NO_CANCEL)
        case Withdrawal.GONE:
            pass
    resources.settle(lambda session: lifecycle.confirm_cancel(session, attempt.lease))
    log.info("job.cancelled")


def time_out(resources: Resources, attempt: Attempt) -> None:
    """The soft limit has passed: stop the prompt, as far as its server lets it be done, and fail the job."""
    is_gone = attempt.withdraw_shortly()
    error = TimedOut(resources.settings.soft_time_limit.total_seconds())
    try:
        resources.settle(lambda session: lifecycle.fail(session, attempt.lease, error))
        log.warning("job.timed_out")
    except CancelRequested:
        if not is_gone:
            resources.server_is_wedged(attempt.prompt.server, HEEDS_NO_CANCEL)
        resources.settle(lambda session: lifecycle.confirm_cancel(session, attempt.lease))
        log.info("job.cancelled")
    # Only now: the limit may have passed just after the job was completed with these files.
    attempt.discard()


def abandon(resources: Resources, attempt: Attempt) -> None:
    """Another worker has the job, or it has ended. A prompt that only this attempt knows of must not go on running."""
    log.warning("job.lease_lost")
    with resources.outbox.transaction() as session:
        job = session.get(GenerationJob, attempt.job.id)
        known = is_known_to_others(session, attempt.lease, attempt.prompt.id)
    if job is None or job.attempt != attempt.lease.attempt:
        attempt.discard()
    if not known:
        attempt.withdraw_shortly()
