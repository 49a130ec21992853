"""Jobs a second that retention deletes, each with three events, an attempt and an output, and what it costs claims.

16 workers claim beside it as fast as they can. The rows are real; there are no files, whose disk would be measured.
"""

import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread

from sqlalchemy import text

from shared.accounts.retention import Kept
from shared.storage.opening import open_storage
from tests.bench.claiming import WORKERS, Claims, fill, pool_of
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.portion import CleanUp, Portion, Removed, Tools
from worker_service.cleanup.run import Cleaner

DELETED = "jobs/s that retention deletes, 16 workers claiming"
CLAIMED = "claims/s while retention deletes, against without"
TARGET = 2000.0
MONTH = timedelta(days=30)
OLD = text("""
WITH jobs AS (
    INSERT INTO generation_jobs (user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, events,
        attempt, created_at, started_at, completed_at)
    SELECT (SELECT id FROM users LIMIT 1), 'image', 'completed', 'a cat', 'checkpoint-' || number % 5, 64, 64, 1, 3, 1,
        now() - interval '40 days' + number * interval '1 ms', now() - interval '40 days', now() - interval '39 days'
    FROM generate_series(1, :jobs) AS number RETURNING id
), events AS (
    INSERT INTO job_events (job_id, sequence, type, attempt)
    SELECT id, sequence, 'queued', 0 FROM jobs CROSS JOIN generate_series(1, 3) AS sequence
), attempts AS (
    INSERT INTO job_attempts (job_id, attempt, worker_id, server, comfyui_prompt_id, adopted)
    SELECT id, 1, 'worker-1', 'http://gpu-1:8188', id, false FROM jobs
)
INSERT INTO job_outputs (job_id, number, kind, node_id, filename, path, media_type, size_bytes, sha256)
SELECT id, 0, 'image', 'save', 'a.png', id || '/0.png', 'image/png', 1000, repeat('0', 64) FROM jobs
""")

# What autovacuum does soon after.
KNOWN = text("ANALYZE generation_jobs, job_events, job_attempts, job_outputs")


class Retention(Thread):
    """Deletes old jobs until it is closed or none is left, and counts them by the time."""

    def __init__(self, here: Running) -> None:
        super().__init__(daemon=True)
        self.closing = Event()
        self.begun = Event()
        self.deleted: list[tuple[float, int]] = []
        usual: Mapping[Kept, timedelta | None] = dict.fromkeys(Kept, MONTH)
        tools = Tools(here.messenger, open_storage(here.settings).store, usual, None)
        self.cleaner = Cleaner(tools, self.closing)
        self.jobs = next(clean_up for clean_up in CLEAN_UPS if clean_up.name == "jobs")

    def run(self) -> None:
        self.cleaner.do(self.jobs._replace(remove=partial(self.remove, self.jobs)), at_once=True)

    def remove(self, jobs: CleanUp, tools: Tools, portion: Portion) -> Removed:
        assert jobs.remove is not None
        removed = jobs.remove(tools, portion)
        self.deleted.append((time.monotonic(), removed.number))
        self.begun.set()
        return removed

    def between(self, since: float, until: float) -> float:
        """Jobs a second."""
        within = [(at, number) for at, number in self.deleted if since <= at <= until]
        return sum(number for _, number in within) / (until - since)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    # A round of few claims may be over before a page is deleted.
    times, queued, old = place.few(60, 40), place.few(100_000, 2_000), place.few(30_000, 10_000)
    with (
        place.system(Wanted(apis=0, workers=0, scheduler=False)) as here,
        pool_of(WORKERS) as pool,
        multiprocessing.Manager() as manager,
    ):
        fill(here, queued)
        claims = Claims(here, pool, manager.Barrier, times)
        yield lambda: measured(here, claims, old)


def measured(here: Running, claims: Claims, old: int) -> dict[str, Round]:
    with here.messenger.transaction() as session:
        session.execute(OLD, {"jobs": old})
        session.execute(KNOWN)
    _, _, alone = claims.round()
    retention = Retention(here)
    retention.start()
    retention.begun.wait(60)
    since, until, beside = claims.round()
    deleted = retention.between(since, until)
    assert retention.is_alive(), "there was something to delete all the time"
    retention.closing.set()
    retention.join(60)
    return {DELETED: Round(deleted, TARGET), CLAIMED: Round(beside, alone)}


CLEANING = Bench(
    (Figure(DELETED, "1/s", f"{TARGET:.0f} a second", ">= 1"), Figure(CLAIMED, "1/s", "claims without it", ">= 0.8")),
    opened,
)
