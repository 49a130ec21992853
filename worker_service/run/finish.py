"""Each outcome of an attempt is written to the database by one function of this file.

The job may have been cancelled or given to another worker meanwhile. Then CancelRequested or LeaseLost is raised, and
that outcome is written instead.
"""

from contextlib import suppress

import structlog
from dramatiq import Retry
from dramatiq.middleware import TimeLimitExceeded
from sqlmodel import Session

from shared.database.engine import patiently
from shared.fleet import servers
from shared.jobs import errors, lifecycle
from shared.jobs.attempts import is_known_to_others
from shared.jobs.claim import claims
from shared.jobs.errors import (
    CancelRequested,
    ComfyUIUnreachable,
    GenerationError,
    NotRecorded,
    ServerUnfit,
    StorageUnavailable,
)
from shared.jobs.failures.quarantine import Strike, note_strike
from shared.models import GenerationJob, JobStatus, Outcome
from shared.texts.storable import cut
from worker_service.run.attempt import Attempt
from worker_service.run.failures import BLAMED, FAILURES, NextTry, decide, own_interruption, poison
from worker_service.run.forget import forget_prompt
from worker_service.run.outcome import Done, Written
from worker_service.run.prompt.withdraw import Withdrawal
from worker_service.run.settle import Refused, server_is_gone, server_is_unfit, server_is_wedged, settle

log = structlog.get_logger(__name__)

HEEDS_NO_CANCEL = "a prompt that was cancelled is still there"


def complete(attempt: Attempt, done: Done) -> Written:
    messenger, lease, outputs = attempt.resources.messenger, attempt.lease, done.outputs
    try:
        settle(
            messenger,
            lambda session: lifecycle.complete(session, lease, outputs, storing=done.storing, warnings=done.warnings),
        )
    except Refused:
        return put_back_or_fail(attempt, NotRecorded())
    size_bytes = sum(output.size_bytes for output in outputs)
    metrics = attempt.resources.metrics
    metrics.ended(attempt.prompt.server, Outcome.COMPLETED)
    metrics.output_bytes.inc(size_bytes)
    log.info("job.completed", outputs=len(outputs), size_bytes=size_bytes, warnings=len(done.warnings))
    forget_prompt(attempt)
    return Written()


def put_back_or_fail(attempt: Attempt, error: GenerationError) -> Written:
    """Follow the table of failures: first for the server, then for the job."""
    resources = attempt.resources
    policy = FAILURES[type(error)]
    if policy.mark_unreachable:
        server_is_gone(resources.fleet, attempt.prompt.server, cut(str(error)))
    if isinstance(error, ServerUnfit):
        server_is_unfit(resources.fleet, attempt.prompt.server, error.problem)
    if policy.free_memory:
        with suppress(ComfyUIUnreachable):  # its answer changes nothing
            attempt.client().free()
    if isinstance(error, StorageUnavailable) and error.is_away:
        resources.storage.failed(error.reason)
    again = decide(error, attempt.tries, resources.chance)
    if policy.mark_unfit and not is_another_fit(attempt):
        again = None
    cause = error
    if own := poison(error, attempt.claim.server_deaths) or own_interruption(error, attempt.claim.last_failure):
        error, again = own, None
    attempt.discard()
    try:
        settle(resources.messenger, lambda session: write_failure(session, attempt, error, again, cause))
    except Refused:
        plain = error.without_words()
        settle(resources.messenger, lambda session: write_failure(session, attempt, plain, again, cause))
    if not policy.mark_unreachable and (again is None or not again.outcome.leaves_doubt):
        forget_prompt(attempt)
    resources.metrics.ended(attempt.prompt.server, again.outcome if again else Outcome.FAILED, error.code)
    if again is None:
        log.warning("job.failed", code=error.code, error=str(error))
        return Written(error)
    log.warning("job.put_back", code=error.code, error=str(error), retry_in_s=again.delay.total_seconds())
    return Written(Retry(str(error), delay=round(again.delay.total_seconds() * 1000)))


def is_another_fit(attempt: Attempt) -> bool:
    """Whether the job can be done by another server, now or later."""
    found: list[bool] = []
    server = attempt.prompt.server
    settle(attempt.resources.messenger, lambda session: found.append(servers.is_another_fit(session, server)))
    return found[-1]


def write_failure(
    session: Session, attempt: Attempt, error: GenerationError, again: NextTry | None, cause: GenerationError
) -> None:
    """Write the end of the attempt, and what its cause shows about its server and its workflow, in one transaction."""
    server, policy = attempt.prompt.server, FAILURES[type(error)]
    if again is None:
        lifecycle.fail(session, attempt.lease, error)
    elif policy.awaits_storage:
        lifecycle.await_storage(session, attempt.lease, error, again.delay)
    else:
        put_back = lifecycle.retry if again.counts else lifecycle.wait_elsewhere
        put_back(session, attempt.lease, error, again.outcome, again.delay)
        if policy.avoid_server:
            claims.avoid(session, attempt.lease, server)
    if policy.blames_server:
        servers.blame(session, server, BLAMED)
    if policy.trusts_server:
        servers.close_breaker(session, server)
    strike = Strike(attempt.lease, attempt.job.workflow_key, attempt.job.user_id, server, cause)
    if note_strike(session, strike, attempt.resources.limits.quarantine_after):
        log.error("workflow.quarantined", fingerprint=strike.fingerprint, code=cause.code)


def cancel(attempt: Attempt) -> Written:
    """Cancel the job once its prompt is gone, its server is gone, or its server gets no more jobs."""
    resources, server = attempt.resources, attempt.prompt.server
    attempt.discard()
    withdrawal = attempt.withdraw(within_s=resources.limits.stall.total_seconds())
    match withdrawal:
        case Withdrawal.SILENT:
            server_is_gone(resources.fleet, server, "it did not answer while a job was being cancelled")
        case Withdrawal.STUCK:
            server_is_wedged(resources.fleet, server, HEEDS_NO_CANCEL)
        case Withdrawal.GONE:
            pass
    confirm_cancel(attempt)
    if withdrawal is Withdrawal.GONE:
        forget_prompt(attempt)
    return Written()


def time_out(attempt: Attempt, raised: TimeLimitExceeded) -> Written:
    """The soft limit has passed: stop the prompt, as far as its server allows it, and fail the job."""
    resources = attempt.resources
    is_gone = attempt.withdraw_shortly()
    error = errors.TimedOut(resources.limits.soft_time.total_seconds())
    try:
        settle(resources.messenger, lambda session: lifecycle.fail(session, attempt.lease, error))
        resources.metrics.ended(attempt.prompt.server, Outcome.FAILED, error.code)
        log.warning("job.timed_out")
    except CancelRequested:
        if not is_gone:
            server_is_wedged(resources.fleet, attempt.prompt.server, HEEDS_NO_CANCEL)
        confirm_cancel(attempt)
    # Only now: the limit may have passed just after the job was completed with these files.
    attempt.discard()
    if is_gone:
        forget_prompt(attempt)
    return Written(raised)


def confirm_cancel(attempt: Attempt) -> None:
    settle(attempt.resources.messenger, lambda session: lifecycle.confirm_cancel(session, attempt.lease))
    attempt.resources.metrics.ended(attempt.prompt.server, Outcome.CANCELLED)
    log.info("job.cancelled")


def release(attempt: Attempt) -> Written:
    """This worker stops: the next one adopts the job with its prompt."""
    attempt.discard()
    settle(attempt.resources.messenger, lambda session: lifecycle.release(session, attempt.lease))
    attempt.resources.metrics.ended(attempt.prompt.server, Outcome.RELEASED)
    log.info("job.released")
    return Written()


def abandon(attempt: Attempt) -> Written:
    """Another worker has the job, or it has ended. A prompt that only this attempt knows of must not go on running."""
    log.warning("job.lease_lost")
    is_completed, is_known = patiently(lambda: what_others_have(attempt))
    if not is_completed:  # else these are its files
        attempt.discard()
    if not is_known:
        attempt.withdraw_shortly()
    return Written()


def what_others_have(attempt: Attempt) -> tuple[bool, bool]:
    """Whether the job was completed with the files of this attempt, and whether others know of its prompt."""
    with attempt.resources.messenger.transaction() as session:
        job = session.get(GenerationJob, attempt.job.id)
        is_known = is_known_to_others(session, attempt.lease, attempt.prompt.id)
    is_completed = job is not None and (job.attempt, job.status) == (attempt.lease.attempt, JobStatus.COMPLETED)
    return is_completed, is_known
