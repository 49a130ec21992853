"""One UPDATE renews all leases of this process, and says which jobs were cancelled or lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import single, transaction
from shared.jobs.attempts import Lease
from shared.jobs.claim import claims
from shared.jobs.errors import LeaseLost
from shared.models import JobStatus, Worker
from worker_service.run.prompt.mailbox import Mailbox, Signal

log = structlog.get_logger(__name__)

BEATS = 6  # in the time that a lease lasts, so that five may fail


class Leases(threading.Thread):
    """The leases that this process holds, each with the mailbox and the thread of its job.

    Each lasts for `duration` after it was renewed. As a thread it beats until `close`: it renews the leases and shows
    that this worker lives, and why it can store nothing, if so.
    """

    def __init__(
        self,
        engine: Engine,
        worker_id: str,
        *,
        threads: int,
        duration: timedelta,
        storage_problem: Callable[[], str | None] = lambda: None,
    ) -> None:
        super().__init__(name="leases", daemon=True)
        self.engine = engine
        self.worker_id = worker_id
        self.threads = threads
        self.duration = duration
        self.storage_problem = storage_problem
        self.lock = threading.Lock()
        self.mailboxes: dict[Lease, Mailbox] = {}
        self.renewed_at: dict[Lease, float] = {}
        self.by_thread: dict[int, Lease] = {}
        self.closing = threading.Event()

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[Mailbox]:
        """Keep a lease alive for as long as the block runs, in this thread."""
        mailbox, thread = Mailbox(), threading.get_ident()
        with self.lock:
            self.mailboxes[lease] = mailbox
            self.renewed_at[lease] = time.monotonic()
            self.by_thread[thread] = lease
        try:
            yield mailbox
        finally:
            with self.lock:
                self.mailboxes.pop(lease, None)
                self.renewed_at.pop(lease, None)
                self.by_thread.pop(thread, None)

    def run(self) -> None:
        while True:
            try:
                self.beat()
            except SQLAlchemyError as error:
                log.warning("leases.not_renewed", error=str(error))
            except Exception:  # the next beat may do; without any, every job here would be given to others
                log.exception("leases.not_renewed")
            if self.closing.wait(self.duration.total_seconds() / BEATS):
                return

    def beat(self) -> None:
        """Renew every lease and this worker's own row, and signal the jobs whose rows have changed."""
        with self.lock:
            held = dict(self.mailboxes)
        asked_at = time.monotonic()
        with transaction(self.engine) as session:
            renewed = claims.renew(session, held, self.duration)
            statuses = renewed | claims.still_held(session, held.keys() - renewed.keys())
        with self.lock:
            self.renewed_at.update({lease: asked_at for lease in renewed if lease in self.mailboxes})
        for lease, mailbox in held.items():
            match statuses.get(lease):
                case None:
                    mailbox.signal(Signal.LEASE_LOST)
                case JobStatus.CANCELLING:
                    mailbox.signal(Signal.CANCEL)
                case _:
                    pass
        # By itself and last: whatever keeps this row from being written keeps no lease from being renewed.
        self.show_life()

    def show_life(self) -> None:
        """Write this worker's own row."""
        found = {"storage_problem": self.storage_problem()}
        alive = insert(Worker).values(id=self.worker_id, threads=self.threads, **found)
        seen = {"last_seen_at": func.now(), **found}
        with single(self.engine) as session:
            session.execute(alive.on_conflict_do_update(index_elements=["id"], set_=seen))

    def must_be_fresh(self, lease: Lease) -> None:
        """Raise LeaseLost unless a third of the lease is left: this process may have been stopped meanwhile, and what
        is begun under a lease must be done before it ends."""
        with self.lock:
            age_s = time.monotonic() - self.renewed_at[lease]
        if age_s > self.duration.total_seconds() * 2 / 3:
            raise LeaseLost

    def cancel(self, job_id: int) -> None:
        """Signal the job's thread, if the job is held here."""
        with self.lock:
            found = [mailbox for lease, mailbox in self.mailboxes.items() if lease.job_id == job_id]
        for mailbox in found:
            mailbox.signal(Signal.CANCEL)

    def stop_all(self) -> None:
        """Have every job leave its prompt to ComfyUI."""
        with self.lock:
            found = list(self.mailboxes.values())
        for mailbox in found:
            mailbox.signal(Signal.STOP)

    def by_holder(self) -> dict[int, Lease]:
        """Every lease held here, by the id of the thread that works on its job."""
        with self.lock:
            return dict(self.by_thread)

    def close(self) -> None:
        self.closing.set()
