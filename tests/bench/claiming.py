"""Claims a second of 16 workers with 100,000 jobs waiting, and whether any job was given out twice."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.pool import Pool

from sqlalchemy import text
from sqlmodel import col, select

from shared import claims, lifecycle
from shared.claims import Claimant
from shared.models import ComfyUIServer, JobAttempt
from shared.settings import load_settings
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted, outbox_of

CLAIMED = "claims/s, 16 workers, 100,000 jobs queued"
WORKERS = 16
TARGET = 500.0
SERVERS = [f"http://gpu-{number}:8188" for number in range(16)]

FILL = text("""
INSERT INTO generation_jobs (user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, events)
SELECT (SELECT id FROM users LIMIT 1), 'image', 'queued', 'a cat', 'checkpoint-' || number % 5, 64, 64, 1, 1
FROM generate_series(1, :jobs) AS number
""")


def claim_many(environ: dict[str, str], worker: int, times: int) -> list[int]:
    """Claim and complete, over and over, as a worker with nothing else to do. A process of its own."""
    outbox = outbox_of(load_settings(environ))
    claimant = Claimant(f"worker-{worker}", "message", SERVERS)
    found: list[int] = []
    while len(found) < times:
        with outbox.transaction() as session:
            claim = claims.claim(session, claimant)
        if claim is None:
            continue  # all slots were taken for a moment
        found.append(claim.job.id)
        with outbox.transaction() as session:
            lifecycle.complete(session, claim.lease, [])
    outbox.engine.dispose()
    return found


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    times, jobs = place.few(40, 4), place.few(100_000, 2_000)
    with place.system(Wanted(apis=0, workers=0, scheduler=False)) as here, pool_of(WORKERS) as pool:
        environ = environ_of(here)
        fill(here, jobs)

        def measure() -> dict[str, Round]:
            started = time.perf_counter()
            claimed = pool.starmap(claim_many, [(environ, worker, times) for worker in range(WORKERS)])
            took = time.perf_counter() - started
            ids = [job_id for found in claimed for job_id in found]
            assert len(set(ids)) == len(ids), "no job is given out twice"
            assert attempts_of(here, ids) == len(ids)
            return {CLAIMED: Round(len(ids) / took, TARGET)}

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


def fill(here: Running, jobs: int) -> None:
    with here.outbox.transaction() as session:
        session.add_all(
            ComfyUIServer(name=name, version="0.8.0", last_seen_at=datetime(2100, 1, 1, tzinfo=UTC)) for name in SERVERS
        )
        session.execute(FILL, {"jobs": jobs})
    with here.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE generation_jobs"))


def attempts_of(here: Running, ids: list[int]) -> int:
    with here.outbox.transaction() as session:
        return len(session.exec(select(JobAttempt.job_id).where(col(JobAttempt.job_id).in_(ids))).all())


CLAIMING = Bench((Figure(CLAIMED, "1/s", f"{TARGET:.0f} a second", ">= 1"),), opened)
