"""A look past a user at the limit is quick, and a million waiting jobs cost what ten thousand do."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlmodel import Session, col, select

from api_service.jobs.waiting.queue_estimate import position_of
from shared.configuration.choices import Sharing
from shared.database.engine import reading
from shared.jobs.claim import claims, due
from shared.jobs.claim.claims import Claimant
from shared.jobs.claim.free_server import read_backlog
from shared.models import GenerationJob
from tests.bench.claiming import SERVERS, fill
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted
from tests.jobs import LEASE

LOOK = "a look with 100,000 waiting of a user at the limit, p50"
PLACE = "place in the queue with a million waiting, p99"
CLAIM, SWEEP = "a claim with a million waiting", "a sweep with a million waiting"
LOOK_MS, PLACE_MS = 2.0, 20.0
SMALL, LARGE, CROWD = 10_000, 1_000_000, 100_000

CROWDED = text("""
INSERT INTO generation_jobs
    (user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, events, turn, parked, server)
SELECT (SELECT id FROM users LIMIT 1), 'image', CASE WHEN number = 0 THEN 'running' ELSE 'queued' END,
    'a cat', 'checkpoint', 64, 64, 1, 1, number, number > 100, CASE WHEN number = 0 THEN 'http://gpu-0:8188' END
FROM generate_series(0, :jobs) AS number
""")


def milliseconds(here: Running, deed: Callable[[Session], object], times: int) -> list[float]:
    """How long a deed took, each time in a transaction of its own."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        with here.messenger.transaction() as session:
            deed(session)
        took.append((time.perf_counter() - started) * 1000)
    return took


def look(session: Session) -> None:
    assert read_backlog(session, SERVERS, 1).first is None, "their owner has the only job that may run"


def claim(session: Session) -> None:
    assert claims.claim(session, Claimant("worker", "message", SERVERS, LEASE)) is not None


def sweep(session: Session) -> None:
    due.prepare(session, 500, sharing=Sharing())
    due.due(session, 500, running_jobs=None)


def places(here: Running, times: int) -> list[float]:
    """How long it takes to find out the place of jobs all over the queue."""
    with reading(here.engine) as session:
        wanted = select(GenerationJob).where(col(GenerationJob.id) % (here_many(session) // times) == 0)
        jobs = session.exec(wanted.limit(times)).all()
    deeds = [lambda session, job=job: position_of(session, job) for job in jobs]
    return [milliseconds(here, deed, 1)[0] for deed in deeds]


def here_many(session: Session) -> int:
    return int(session.connection().scalar(text("SELECT max(id) FROM generation_jobs")) or 1)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    times = place.few(200, 5)
    wanted = Wanted(apis=0, workers=0, scheduler=False)
    with place.system(wanted) as crowded, place.system(wanted) as few, place.system(wanted) as many:
        fill(crowded, 0)
        with crowded.messenger.transaction() as session:
            session.execute(CROWDED, {"jobs": place.few(CROWD, 1000)})
        fill(few, place.few(SMALL, 1000), users=200)
        fill(many, place.few(LARGE, 5000), users=200)

        def measure() -> dict[str, Round]:
            found = sorted(places(many, times))
            return {
                LOOK: Round(statistics.median(milliseconds(crowded, look, times)), LOOK_MS),
                PLACE: Round(found[int(len(found) * 0.99)], PLACE_MS),
                CLAIM: Round(*(statistics.median(milliseconds(one, claim, times // 5)) for one in (many, few))),
                SWEEP: Round(*(statistics.median(milliseconds(one, sweep, times)) for one in (many, few))),
            }

        yield measure


QUEUEING = Bench(
    (
        Figure(LOOK, "ms", "2 ms", "<= 1"),
        Figure(PLACE, "ms", "20 ms", "<= 1"),
        Figure(CLAIM, "ms", "with 10,000 waiting", "<= 1.5"),
        Figure(SWEEP, "ms", "with 10,000 waiting", "<= 1.5"),
    ),
    opened,
)
