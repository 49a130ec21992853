"""Tasks are worked on in turns, one at a time in each process: page after page, until others should have a go."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from dramatiq.middleware import TimeLimitExceeded
from sqlmodel import Session

from shared.database.engine import patiently
from shared.database.troubles.unavailable import is_unavailable
from shared.models import Task, TaskKind, TaskState
from shared.storage.store import NotStored
from shared.tasks import life
from shared.tasks.due import take
from shared.tasks.life import Ending, TaskLease, TaskLost
from shared.texts.reasons import InWords, driver_reason
from worker_service.tasks.turns.heart import Heart
from worker_service.tasks.turns.turn import (
    NotNow,
    Postponed,
    Step,
    Stopping,
    TaskCancelled,
    TaskFailed,
    TaskResources,
    Turn,
)

log = structlog.get_logger(__name__)

TURN_S = 20.0  # then others have a go: the thread is lent by the jobs
PAUSES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
MOST_TRIES = len(PAUSES) + 1  # at one page
PATIENCE = timedelta(minutes=1)
WORKER_LOST = ("worker_lost", f"{MOST_TRIES} workers died at the same part of it")


@dataclass(frozen=True)
class TaskRunner:
    """What the actor uses. `steps` is the work of each kind; `running` is how many tasks of a user may run at once.

    `wake_next` has some worker look for the next task.
    """

    worker_id: str
    lease: timedelta
    running: int | None
    resources: TaskResources
    steps: Mapping[TaskKind, Step]
    closing: threading.Event
    wake_next: Callable[[], object]
    turn_s: float = TURN_S
    pauses: tuple[timedelta, ...] = PAUSES
    place: threading.Lock = field(default_factory=threading.Lock)

    def run_one(self) -> bool:
        """Give the task that is due a turn, unless this process is at another. Whether there was one."""
        if self.closing.is_set() or not self.place.acquire(blocking=False):
            return False
        try:
            with self.resources.messenger.transaction() as session:
                task = take(session, self.worker_id, self.lease, self.running)
            if task is None:
                return False
            with structlog.contextvars.bound_contextvars(task_id=str(task.id), kind=task.kind):
                self.give_turn(task)
        finally:
            self.place.release()
        self.wake_next()
        return True

    def give_turn(self, task: Task) -> None:
        """Work on a task that was taken, and write down what came of it. Raises SQLAlchemyError while the database is
        away: then its lease runs out."""
        lease = TaskLease(task.id, task.claims, self.lease)
        if task.attempts > MOST_TRIES:
            code, message = task.error_code, task.error_message
            error = (code, message) if code and message else WORKER_LOST
            self.settle(lambda session: life.end(session, lease, Ending(TaskState.FAILED, error=error)))
            log.error("task.failed", error_code=error[0], error=error[1])
            return
        log.info("task.taken", attempt=task.attempts, done=task.done, total=task.total)
        with Heart(self.resources.messenger.engine, lease, is_cancelled=task.cancel_requested) as heart:
            turn = Turn(self.resources, task, lease, heart, self.closing)
            self.settle_outcome(turn)

    def settle_outcome(self, turn: Turn) -> None:
        try:
            ending = self.pages(turn)
        except TaskLost:
            log.warning("task.lost")
        except TaskCancelled:
            self.end(turn, Ending(TaskState.CANCELLED))
        except Stopping:
            self.put_back(turn, life.AT_ONCE)
        except Postponed as later:
            self.put_back(turn, later.pause)
        except NotNow as error:
            self.tried(turn, error)
        except TaskFailed as error:
            self.end(turn, Ending(TaskState.FAILED, error=(error.code, str(error))))
        except (Exception, TimeLimitExceeded) as error:  # noqa: BLE001 - it is logged, and tried again
            # Also where the database refuses: it may do so for other tables than that of tasks.
            self.tried(turn, error)
        else:
            self.put_back(turn, life.AT_ONCE) if ending is None else self.end(turn, ending)

    def pages(self, turn: Turn) -> Ending | None:
        """Do pages until nothing is left, or the turn is over."""
        step, until = self.steps[turn.task.kind], time.monotonic() + self.turn_s
        while True:
            turn.check()
            ending = step(turn)
            if ending is not None or time.monotonic() > until:
                return ending

    def tried(self, turn: Turn, error: BaseException) -> None:
        """What may be better next time is tried again after a pause; the last try fails the task."""
        code, sentence = said_of(error)
        tries = 1 if turn.has_progressed else turn.task.attempts
        if tries >= MOST_TRIES:
            self.end(turn, Ending(TaskState.FAILED, error=(code, sentence)))
            return
        pause = self.pauses[min(tries, len(self.pauses)) - 1]
        log.warning("task.put_back", error_code=code, error=sentence, pause_s=pause.total_seconds())
        self.settle(lambda session: life.put_back(session, turn.lease, pause, error=(code, sentence)))

    def put_back(self, turn: Turn, pause: timedelta) -> None:
        log.info("task.paused", done=turn.done, total=turn.task.total, pause_s=pause.total_seconds())
        self.settle(lambda session: life.put_back(session, turn.lease, pause))

    def end(self, turn: Turn, ending: Ending) -> None:
        facts = {"error_code": ending.error[0], "error": ending.error[1]} if ending.error else {}
        log.info("task.ended", state=ending.state, done=turn.done, total=turn.task.total, **facts)
        self.settle(lambda session: life.end(session, turn.lease, ending))

    def settle(self, change: Callable[[Session], None]) -> None:
        """Write it, even if the database is away for a moment. A task that is another's by now stays as it is."""

        def work() -> None:
            with self.resources.messenger.transaction() as session:
                change(session)

        try:
            patiently(work, patience=PATIENCE)
        except TaskLost:
            log.warning("task.lost")


def said_of(error: BaseException) -> tuple[str, str]:
    """The code of an error, and what whoever asked for the task is told of it."""
    match error:
        case NotStored():
            return "storage_unavailable", f"the output store cannot be used: {error.reason}"
        case InWords():
            return "storage_unavailable", f"the output store cannot be used: {error}"
        case NotNow():
            return error.code, str(error)
        case TimeLimitExceeded():
            return "time_limit", "a part of it took longer than SOFT_TIME_LIMIT"
        case _ if is_unavailable(error):
            log.warning("task.database_unavailable", error=driver_reason(error))
            return "database_unavailable", "the database does not do what the task needs"
        case _:
            log.error("task.broke", exc_info=error)
            return "internal_error", "something went wrong in the service; it has been logged"
