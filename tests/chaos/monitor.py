"""Looks several times a second at how many jobs each server holds, and whether all have ended."""

import itertools
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

EVERY_S = 0.2
# One statement sees one moment. A job put back in doubt and then led to the prompt of that attempt takes no slot anew:
# that prompt is on its server already, whoever was given the place meanwhile.
HELD = text("""
    SELECT job.server, count(*) AS held,
           count(*) FILTER (WHERE NOT attempt.adopted OR before.outcome <> 'in_doubt') AS given
    FROM generation_jobs job JOIN job_attempts attempt ON (attempt.job_id, attempt.attempt) = (job.id, job.attempt)
    LEFT JOIN job_attempts before ON (before.job_id, before.attempt) = (job.id, job.attempt - 1)
    WHERE job.status IN ('running', 'cancelling') AND job.generated_at IS NULL GROUP BY job.server
""")
HOLDERS = text("SELECT server, worker_id FROM generation_jobs WHERE status = 'running' AND lease_expires_at > now()")
UNFINISHED = text("""
    SELECT (SELECT count(*) FROM generation_jobs WHERE status NOT IN ('completed', 'failed', 'cancelled', 'expired'))
        + (SELECT count(*) FROM tasks WHERE state IN ('waiting', 'running'))
        + (SELECT count(*) FROM webhook_deliveries WHERE state = 'pending')
        + (SELECT count(*) FROM mails WHERE state = 'pending')
        + (SELECT count(*) FROM notifications WHERE mail_owed)
""")
WEDGED = text("SELECT count(*) FROM comfyui_servers WHERE wedged_since IS NOT NULL")
HURRY = text("UPDATE generation_jobs SET run_after = now() WHERE status = 'queued' AND run_after > now()")

# Nobody waits for pauses that are for receivers which are away for hours. An e-mail under way looks like one that
# waits: one that takes longer may come twice, with the same id.
SOON = text("""
    WITH deliveries AS (
        UPDATE webhook_deliveries SET due_at = now()
        WHERE state = 'pending' AND claimed_until IS NULL AND due_at > now()
    ), mails AS (
        UPDATE mails SET due_at = now()
        WHERE state = 'pending' AND due_at > now() AND last_tried_at < now() - interval '5 s'
    ), news AS (
        UPDATE notification_settings SET mail_due_at = now() WHERE mail_due_at > now() + interval '20 s'
    )
    UPDATE tasks SET due_at = now()
    WHERE state IN ('waiting', 'running') AND worker_id IS NULL AND due_at > now() + interval '15 s'
""")
SOON_EVERY = 20  # samples


class Sample(NamedTuple):
    """How many jobs a server held at a moment, and how many of these were given a slot there."""

    at: float
    server: str
    held: int
    given: int


class Monitor(threading.Thread):
    """Samples until `close`. `holders` has the servers and the workers (by their names in rows) that hold a job now."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(name="monitor", daemon=True)
        self.engine = engine
        self.samples: list[Sample] = []
        self.holders: frozenset[str] = frozenset()
        self.closing = threading.Event()

    def run(self) -> None:
        for number in itertools.count(1):
            if self.closing.wait(EVERY_S):
                return
            try:
                if number % SOON_EVERY == 0:
                    hasten(self.engine)
                with self.engine.connect() as connection:
                    now = time.time()
                    self.samples += [Sample(now, *row) for row in connection.execute(HELD)]
                    self.holders = frozenset(name for row in connection.execute(HOLDERS) for name in row if name)
            except SQLAlchemyError:
                continue  # PostgreSQL is away, as it shall be now and then

    def close(self) -> None:
        self.closing.set()
        self.join()


def hasten(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(SOON)


def wait_for_the_end(engine: Engine, *, within_s: float, hurry: bool) -> int:
    """How many jobs, tasks, deliveries and e-mails have not ended when all others have, or the time is over."""
    deadline = time.monotonic() + within_s
    left = -1
    while time.monotonic() < deadline:
        try:
            with engine.begin() as connection:
                left = connection.scalar(UNFINISHED) or 0
                if hurry:
                    connection.execute(HURRY)
        except SQLAlchemyError:
            left = -1
        if left == 0:
            break
        time.sleep(1)
    return left


def wait_for_the_servers(engine: Engine, *, within_s: float) -> None:
    """Until no server is known to run nothing, or the time is over: the account says what is left on it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if not connection.scalar(WEDGED):
                return
        time.sleep(1)


def most_held(samples: Sequence[Sample]) -> dict[str, int]:
    """The most jobs that each server held at one moment."""
    return {
        server: max(sample.held for sample in samples if sample.server == server)
        for server in sorted({sample.server for sample in samples})
    }
