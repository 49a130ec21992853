"""One worker's turn at a task: what its work may use, and where it looks up whether it should go on."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from shared.configuration.choices import IN_TURNS, Sharing
from shared.fleet.fence import OPEN, Fence
from shared.messaging.messenger import Messenger
from shared.models import Task
from shared.outgoing.allowed import allowed_by
from shared.outgoing.exchange import Outgoing
from shared.storage.moving import MovingStore
from shared.storage.store import OutputStore
from shared.tasks import life
from shared.tasks.life import Ending, Page, TaskLease, TaskLost
from shared.usage.budgets import NO_BUDGETS, Budgets
from worker_service.media.pool import MediaPool
from worker_service.tasks.turns.heart import Heart

log = structlog.get_logger(__name__)


class TaskCancelled(Exception):
    """Somebody has asked to cancel the task."""


class Stopping(Exception):
    """This worker is being stopped."""


class Postponed(Exception):
    """The task can go on only later, and that is no failure: something has no room for it now."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(f"it goes on in {pause.total_seconds():g} s")
        self.pause = pause


class TaskFailed(Exception):
    """The task cannot be done, whoever tries: a stable code, and a sentence for whoever asked for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotNow(TaskFailed):
    """Something that the task needs did not work; another try may help."""


@dataclass(frozen=True)
class TaskResources:
    """What tasks use of their worker process. `wake_jobs` sends the wake-ups that queued jobs lack."""

    messenger: Messenger
    store: OutputStore
    media: MediaPool
    fence: Fence = OPEN
    wake_jobs: Callable[[], object] = lambda: None
    outgoing: Outgoing = field(default_factory=lambda: Outgoing(allowed_by(())))
    largest_archive: int = 20 * 1024**3  # bytes, where it is fetched from a URL
    sharing: Sharing = IN_TURNS
    budgets: Budgets = field(default_factory=lambda: NO_BUDGETS)  # of users who have none of their own
    asset_lifetime: timedelta | None = None  # of what an import makes
    moving: MovingStore | None = None  # the store, while files move there from another


@dataclass
class Turn:
    """`task` is the row as it was taken. `cursor`, `done` and `result` are as the last page has left them, and
    `has_progressed` says whether that was one of this turn. `kept` is for whatever the work wants to find again."""

    resources: TaskResources
    task: Task
    lease: TaskLease
    heart: Heart
    closing: threading.Event
    cursor: Mapping[str, Any] = field(init=False)
    done: int = field(init=False)
    result: Mapping[str, Any] = field(init=False)
    has_progressed: bool = False
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cursor, self.done, self.result = self.task.cursor, self.task.done, self.task.result

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.task.parameters

    @property
    def owner(self) -> UUID | None:
        """Whose jobs the work is about; None for everybody's, which only admins ask for."""
        owner = self.task.terms.get("owner")
        return None if owner is None else UUID(owner)

    @property
    def folder(self) -> str:
        """Where the files of the task are in the store."""
        return life.folder_of(self.task.user_id, self.task.id)

    def check(self) -> None:
        """Look up, between two pages or pieces. Raises Stopping, TaskCancelled, TaskLost."""
        if self.heart.is_lost:
            raise TaskLost
        if self.heart.is_cancelled:
            raise TaskCancelled
        if self.closing.is_set():
            raise Stopping

    def count(self, total: int) -> None:
        """Write down how much there is to do."""
        with self.transaction() as session:
            life.count(session, self.lease, total)
        self.task.total = total

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.resources.messenger.transaction() as session:
            yield session

    def write(self, session: Session, page: Page) -> None:
        """Write down a page, in the transaction that does it. Should that fail, so does the turn."""
        life.page_done(session, self.lease, page)
        self.cursor, self.done, self.result = page
        self.has_progressed = True

    def remove(self, folder: str) -> None:
        """Remove a folder of the store that nobody needs. What cannot be removed now goes later, by its note."""
        try:
            self.resources.store.remove(folder)
        except OSError as error:
            log.warning("files.not_removed", folder=folder, error=str(error))

    def summed(self, skipped: Mapping[str, int], **counts: int) -> dict[str, Any]:
        """What came of all pages so far, with one more: the sums, and how many were skipped by the reason."""
        before = self.result
        sums = {name: before.get(name, 0) + count for name, count in counts.items()}
        return {**sums, "skipped": dict(sorted((Counter(before.get("skipped", {})) + Counter(skipped)).items()))}


Step = Callable[[Turn], Ending | None]
"""The work of a kind: do the next page and write it down. Says how the task ends once nothing is left."""
