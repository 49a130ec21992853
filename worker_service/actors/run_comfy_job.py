"""Take the best job there is, and bring it to its end or put it back."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from dramatiq.middleware import TimeLimitExceeded

from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim, Claimant
from shared.jobs.errors import Permanent
from shared.messaging.messages import RunComfyJob
from shared.tracing.tracing import Span
from worker_service.dramatiq_glue.consumer import Capacity
from worker_service.dramatiq_glue.receiver import Delivery, is_asked_for, receives
from worker_service.metrics.spans import attempt_span
from worker_service.run import finish
from worker_service.run.attempt import Attempt
from worker_service.run.outcome import (
    Cancelled,
    Done,
    Failed,
    Lost,
    Outcome,
    Released,
    TimedOut,
    Written,
    outcome_of,
)
from worker_service.run.resources import RunResources
from worker_service.run.secrets import without_secrets

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class JobRunner:
    """What the actors use. `wake_next` is called with the id of a job that leaves its slot, and wakes some worker;
    `wake_webhooks` and `wake_mail` have this process look for what is due of those, `run_tasks` gives the task that is
    due a turn, and `clean_up` does the clean-ups that are due."""

    worker_id: str
    running_jobs: int | None  # of one user at once
    closing: threading.Event
    capacity: Capacity
    wake_next: Callable[[int], None]
    run: RunResources
    wake_webhooks: Callable[[], None] = lambda: None
    wake_mail: Callable[[], None] = lambda: None
    run_tasks: Callable[[], object] = lambda: None
    clean_up: Callable[[], None] = lambda: None


@receives(RunComfyJob, retry_when=is_asked_for, throws=(Permanent, TimeLimitExceeded))
def run_comfy_job(message: RunComfyJob, delivery: Delivery[JobRunner]) -> None:
    """Wake up, and run whichever job is due: the message only says that there is one."""
    runner = delivery.resources
    if runner.closing.is_set():
        return  # the sweep sends another wake-up, to the workers that stay
    claim = take(runner, delivery.message_id)
    if claim is None:
        log.debug("job.none_due", woken_by=message.job_id)
        return
    with (
        attempt_span(runner.run.tracing, claim, delivery.message_id) as span,
        structlog.contextvars.bound_contextvars(
            job_id=claim.job.id,
            attempt=claim.lease.attempt,
            comfyui_prompt_id=claim.prompt.id,
            request_id=claim.job.request_id,
            **runner.run.tracing.log_fields(),
        ),
        runner.run.leases.holding(claim.lease) as mailbox,
        runner.capacity.slot(partial(runner.wake_next, claim.job.id)) as slot,
    ):
        runner.run.metrics.began(claim)
        log.info("job.claimed", server=claim.prompt.server, adopted=claim.prompt == claim.doubt)
        bring_to_an_end(Attempt(runner.run, claim, mailbox, slot.leave), span)


def take(runner: JobRunner, message_id: str) -> Claim | None:
    servers, lease = list(runner.run.fleet.clients), runner.run.leases.duration
    claimant = Claimant(
        runner.worker_id,
        message_id,
        servers,
        lease,
        runner.running_jobs,
        takes_new=runner.run.storage.problem() is None,
        max_attempts=runner.run.limits.attempts,
    )
    with runner.run.messenger.transaction() as session:
        return claims.claim(session, claimant)


def bring_to_an_end(attempt: Attempt, span: Span) -> None:
    """Work, and write down what came of it; or what the row or the time limit makes of that meanwhile.

    Raises what has Dramatiq send the message again, or bury it.
    """
    outcome: Outcome | Written = without_secrets(attempt.work(), attempt.job, attempt.resources.vault)
    while not isinstance(outcome, Written):
        name = type(outcome).__name__.lower()
        span.note({"genonaut.outcome": name})
        with attempt.resources.tracing.span(f"write {name}"):
            outcome = written(attempt, outcome)
    if outcome.raises is not None:
        span.failed(getattr(outcome.raises, "code", type(outcome.raises).__name__))
        raise outcome.raises


def written(attempt: Attempt, outcome: Outcome) -> Outcome | Written:
    """Written down, or the outcome that came between."""
    match outcome:
        case Done():
            return outcome_of(finish.complete, attempt, outcome)
        case Failed(error):
            return outcome_of(finish.put_back_or_fail, attempt, error)
        case Cancelled():
            return outcome_of(finish.cancel, attempt)
        case TimedOut(raised):
            return outcome_of(finish.time_out, attempt, raised)
        case Released():
            return finish.release(attempt)
        case Lost():
            return finish.abandon(attempt)
