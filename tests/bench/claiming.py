"""Claims a second of 16 workers with 100,000 jobs waiting, and whether any job was given out twice.

Once of a queue without turns, and once of one that 200 users share.
Each server has slots for all that is claimed in a round, and afterwards all are freed at once, outside the time.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.pool import Pool
from threading import Barrier
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import col, select

from shared.configuration.settings import load_settings
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claimant
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, JobAttempt
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, messenger_of
from tests.jobs import LEASE
from tests.population import drop_indexes

CLAIMED = "claims/s, 16 workers, 100,000 jobs queued"
SHARED = "the same, of 200 users who take turns"
WORKERS = 16
TARGET = 500.0
SERVERS = [f"http://gpu-{number}:8188" for number in range(16)]
SLOTS = 64
MANY = 100_000  # jobs

USERS = text("""
INSERT INTO users (id, name) SELECT gen_random_uuid(), 'user-' || number FROM generate_series(1, :users - 1) AS number
""")
FILL = text("""
INSERT INTO generation_jobs
    (user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, events, turn)
SELECT owners.ids[1 + number % :users], 'image', 'queued', 'a cat', 'checkpoint-' || number % 5, 64, 64, 1, 1,
    CASE WHEN :users = 1 THEN 0 ELSE 5.0 * (number / :users) END
FROM generate_series(1, :jobs) AS number, (SELECT array_agg(id) AS ids FROM users) AS owners
""")


FREE = text("UPDATE generation_jobs SET status = 'completed', completed_at = now() WHERE status = 'running'")


class Claimed(NamedTuple):
    """The jobs that one worker claimed, and from when to when it did, on the clock that all processes share."""

    jobs: list[int]
    since: float
    until: float


def claim_many(environ: dict[str, str], start: Barrier, worker: int, times: int) -> Claimed:
    """Claim, over and over, as a worker with nothing else to do. A process of its own.

    What a worker does once, connecting and the like, is done before all start at once.
    """
    messenger = messenger_of(load_settings(environ))
    claimant = Claimant(f"worker-{worker}", "message", SERVERS, LEASE)
    first = claim_one(messenger, claimant)
    start.wait(timeout=60)
    since = time.monotonic()
    jobs = [claim_one(messenger, claimant) for _ in range(times)]
    until = time.monotonic()
    messenger.engine.dispose()
    return Claimed([first, *jobs], since, until)


def claim_one(messenger: Messenger, claimant: Claimant) -> int:
    with messenger.transaction() as session:
        claim = claims.claim(session, claimant)
    assert claim is not None
    return claim.job.id


class Claims:
    """Rounds of claims by all workers."""

    def __init__(self, here: Running, pool: Pool, barrier: Callable[[int], Barrier], times: int) -> None:
        self.here = here
        self.pool = pool
        self.barrier = barrier
        self.times = times

    def round(self) -> tuple[float, float, float]:
        """From when to when they claimed, and how often a second."""
        start, environ = self.barrier(WORKERS), environ_of(self.here)
        found = self.pool.starmap(claim_many, [(environ, start, worker, self.times) for worker in range(WORKERS)])
        since, until = min(claimed.since for claimed in found), max(claimed.until for claimed in found)
        ids = [job_id for claimed in found for job_id in claimed.jobs]
        assert len(set(ids)) == len(ids), "no job is given out twice"
        assert attempts_of(self.here, ids) == len(ids)
        free_slots(self.here)
        return since, until, WORKERS * self.times / (until - since)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    times, jobs = place.few(10, 4), place.few(100_000, 2_000)
    wanted = Wanted(apis=0, workers=0, scheduler=False)
    with (
        place.system(wanted) as plain,
        place.system(wanted) as shared,
        pool_of(WORKERS) as pool,
        multiprocessing.Manager() as manager,
    ):
        fill(plain, jobs)
        fill(shared, jobs, users=200)

        queues = [Claims(here, pool, manager.Barrier, times) for here in (plain, shared)]

        def measure() -> dict[str, Round]:
            without, with_turns = (queue.round()[2] for queue in queues)
            return {CLAIMED: Round(without, TARGET), SHARED: Round(with_turns, without)}

        yield measure


def environ_of(here: Running) -> dict[str, str]:
    settings = here.settings
    return {
        "APP_ENV": "test",
        "DATABASE_URL": str(settings.database_url),
        "REDIS_URL": str(settings.redis_url),
        "REDIS_NS": settings.redis_ns,
        "COMFYUI_URLS": ",".join(SERVERS),
        "STORAGE_URL": settings.storage_url,
    }


@contextmanager
def pool_of(workers: int) -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield pool


def fill(here: Running, jobs: int, users: int = 1) -> None:
    with here.messenger.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.add_all(
            ComfyUIServer(name=name, slots=SLOTS, version="0.8.0", last_seen_at=datetime(2100, 1, 1, tzinfo=UTC))
            for name in SERVERS
        )
        session.execute(USERS, {"users": users})
        # Made once at the end, indexes cost a fraction of what they do row by row.
        again = drop_indexes(session.connection()) if jobs > MANY else []
        session.execute(FILL, {"jobs": jobs, "users": users})
        for statement in again:
            session.execute(text(statement))
    vacuum(here)


def vacuum(here: Running, *, how: str = "ANALYZE") -> None:
    with here.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"VACUUM ({how}) generation_jobs"))
        connection.invalidate()  # its statement_timeout goes with it


def free_slots(here: Running) -> None:
    with here.messenger.transaction() as session:
        session.execute(FREE)


def attempts_of(here: Running, ids: list[int]) -> int:
    with here.messenger.transaction() as session:
        return len(session.exec(select(JobAttempt.job_id).where(col(JobAttempt.job_id).in_(ids))).all())


CLAIMING = Bench(
    (
        Figure(CLAIMED, "1/s", f"{TARGET:.0f} a second", ">= 1"),
        Figure(SHARED, "1/s", "without turns", ">= 0.95"),
    ),
    opened,
)
