"""An attempt is a span below the one that accepted its job, and all that is done in it is below that."""

from contextlib import AbstractContextManager
from datetime import datetime

from shared.jobs.claim.claims import Claim
from shared.models import GenerationJob, JobAttempt, Outcome
from shared.tracing.tracing import Attributes, Kind, Place, Span, Tracing

NAME = "attempt"


def attempt_span(tracing: Tracing, claim: Claim, message_id: str) -> AbstractContextManager[Span]:
    """The span of an attempt, until the block ends. The attempt before is told of too, where its worker fell silent
    and never will."""
    job, silent = claim.job, claim.silent
    if silent is not None and silent.ended_at is not None:
        tracing.tell(NAME, place_of(job, silent.attempt, silent.started_at), silent.ended_at, fallen_silent(silent))
    about = {
        **about_attempt(job.id, claim.lease.attempt, claim.prompt.server),
        "genonaut.adopted": claim.prompt == claim.doubt,
        "messaging.system": "dramatiq",
        "messaging.message.id": message_id,
    }
    return tracing.beginning(NAME, place_of(job, claim.lease.attempt), Kind.CONSUMER, about)


def place_of(job: GenerationJob, attempt: int, began_at: datetime | None = None) -> Place:
    """A job that was accepted without a trace, as by a schedule, has one of its own, the same for all its attempts."""
    whose = f"{job.id}/{job.created_at.timestamp()}"
    return Place(job.traceparent, whose, f"{whose}/{attempt}", began_at)


def fallen_silent(silent: JobAttempt) -> Attributes:
    about = about_attempt(silent.job_id, silent.attempt, silent.server)
    return {**about, "genonaut.outcome": Outcome.EXPIRED.value, "error.type": "worker_silent"}


def about_attempt(job_id: int, attempt: int, server: str) -> Attributes:
    return {"genonaut.job_id": job_id, "genonaut.attempt": attempt, "server.address": server}
