"""Results are written even if the database is away for minutes, and written once."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlmodel import Session

from shared.database.engine import patiently
from shared.database.troubles.unavailable import is_unavailable
from shared.files.folders import discard_attempt_folder
from shared.jobs import lifecycle
from shared.jobs.attempts import Lease
from shared.jobs.errors import NotAFailure, TimedOut
from shared.jobs.lifecycle import AlreadySettled
from shared.messaging.messenger import Messenger
from shared.texts.reasons import driver_reason
from worker_service.fleet.health import Fleet
from worker_service.run.leases import Leases
from worker_service.run.storage import StorageWatch

log = structlog.get_logger(__name__)


class Refused(Exception):
    """The database answers and does not take what was to be written; it would not take it the next time either."""


def settle(messenger: Messenger, transition: Callable[[Session], object]) -> None:
    """Make a transition in a transaction of its own. Raises LeaseLost and CancelRequested as the transition does, and
    Refused where the database does not take it.

    A transition whose commit went through, while the answer to it was lost, is not made twice.
    """

    def work() -> None:
        with messenger.transaction() as session:
            transition(session)

    try:
        patiently(work)
    except AlreadySettled:
        log.info("job.settled_before")
    except NotAFailure:
        raise
    except Exception as error:
        if is_unavailable(error):
            raise
        reason = driver_reason(error)
        log.error("job.not_written", kind=type(error).__name__, error=reason)  # noqa: TRY400
        raise Refused(type(error).__name__) from error


def server_is_gone(fleet: Fleet, server: str, problem: str) -> None:
    """Give a server no more jobs until a probe sees it answer again, which takes seconds."""
    patiently(lambda: fleet.record_loss(server, problem))


def server_is_wedged(fleet: Fleet, server: str, problem: str) -> None:
    """Give a server no more jobs until it is seen to work again, and have it restarted."""
    patiently(lambda: fleet.record_wedge(server, problem))


def server_is_unfit(fleet: Fleet, server: str, problem: str) -> None:
    """Give a server no more jobs until its version changes, or an operator resumes it."""
    patiently(lambda: fleet.record_unfitness(server, problem))


def give_up(thread: int, *, messenger: Messenger, leases: Leases, limit: timedelta, storage: StorageWatch) -> None:
    """A thread is stuck beyond the hard limit: fail its job and release the others before the process ends.

    A job that is being cancelled is released too: the next worker confirms the cancel. So is each job while the store
    is away: a file system over the network may have kept the thread.
    """
    held = leases.by_holder()
    stuck = held.pop(thread, None)
    for lease in held.values():
        release(messenger, lease)
    if stuck is None:
        return
    if storage.problem():
        release(messenger, stuck)
        return
    error = TimedOut(limit.total_seconds())
    try:
        with messenger.transaction() as session:
            discard_attempt_folder(session, lifecycle.fail(session, stuck, error), stuck.attempt)
    except NotAFailure:
        release(messenger, stuck)


def release(messenger: Messenger, lease: Lease) -> None:
    with messenger.transaction() as session:
        lifecycle.release(session, lease)
