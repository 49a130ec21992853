"""Pausing, resuming and parking cost the same with a million waiting jobs as with ten thousand, in pages that
PostgreSQL touches.

Beside the jobs of 200 users a crowd of one user waits that may be paused, and one of a user at their running limit,
which is parked but for the first hundred. What is done is undone each time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from api_service.jobs.waiting.queue_estimate import position_of
from shared.configuration.choices import Sharing
from shared.jobs import before_start
from shared.jobs.cancel import cancel_one
from shared.jobs.claim import claims, due
from shared.jobs.claim.claims import Claimant
from shared.jobs.claim.free_server import read_backlog
from shared.jobs.lanes import moving, parking, pauses
from shared.jobs.lanes.moving import LaneEnd
from shared.jobs.lanes.parking import LANE
from shared.models import GenerationJob
from shared.models.jobs.generation_job import DEFAULT_PRIORITY
from tests.bench.claiming import SERVERS, fill, vacuum
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.pages_read import PagesRead
from tests.bench.place import Place, Running, Wanted
from tests.jobs import LEASE, new_job

FEW, MANY = 10_000, 1_000_000  # jobs of all
FEW_OF_ONE, MANY_OF_ONE = 5_000, 100_000  # jobs of each crowd
CROWD, LIMITED = UUID(int=1), UUID(int=2)
WANTED = "<= 2"  # a larger index is deeper
WOKEN = 500

CROWDS = text("""
INSERT INTO users (id, name, running_jobs_limit) VALUES (:user, concat('crowd ', :user), :limit)
""")
CROWDED = text("""
INSERT INTO generation_jobs
    (user_id, job_type, status, prompt, checkpoint_model, width, height, batch_size, events, turn, parked, server)
SELECT :user, 'image', CASE WHEN number = 0 THEN 'running' ELSE 'queued' END, 'a cat', 'checkpoint', 64, 64, 1, 1,
    number / 10.0, :parked AND number > :lane, CASE WHEN number = 0 THEN 'http://gpu-0:8188' END
FROM generate_series(CASE WHEN :parked THEN 0 ELSE 1 END, :jobs) AS number
""")
LAST = text("SELECT max(id) FROM generation_jobs WHERE user_id = :user AND status = 'queued'")

Work = Callable[[Session, Any], object]


class Undone(Exception):
    """What was done is rolled back."""


class Deed(NamedTuple):
    """What is measured, after what comes before it and is not. `measured` gets what `before` has found. What
    it `leaves` in the indexes once it is undone is cleaned up: the first look past it would read it all."""

    measured: Work
    before: Callable[[Session], object] = lambda _session: None
    leaves: bool = False


def pausing(user: UUID | None) -> Callable[..., None]:
    def pause(session: Session, _: object = None) -> None:
        pauses.pause(session, user, reason=None, paused_by="an admin")
        session.flush()

    return pause


def resuming(user: UUID | None) -> Work:
    """With the wake-ups that follow at once."""

    def resume(session: Session, _: object) -> None:
        pauses.resume(session, user)
        sweep(session)

    return resume


def sweep(session: Session, _: object = None) -> None:
    due.prepare(session, WOKEN, sharing=Sharing())
    due.due(session, WOKEN, running_jobs=None)


def look(session: Session, _: object) -> None:
    read_backlog(session, SERVERS, None)


def claim(session: Session, _: object) -> None:
    assert claims.claim(session, Claimant("worker", "message", SERVERS, LEASE)) is not None


def fill_up(session: Session, _: object) -> None:
    parking.fill(session, {(LIMITED, DEFAULT_PRIORITY)})


def submitting(user: UUID) -> Work:
    return lambda session, _: before_start.submit(session, new_job(user_id=user))


def last_of(user: UUID, *, before: int = 0) -> Callable[[Session], GenerationJob]:
    """The user's last job, or one so many places before it."""

    def found(session: Session) -> GenerationJob:
        return session.get_one(GenerationJob, session.connection().scalar(LAST, {"user": user}) - before)

    return found


def empty_lane(session: Session) -> None:
    first = "SELECT id FROM generation_jobs WHERE user_id = :user AND status = 'queued' AND NOT parked LIMIT 60"
    session.execute(
        text(f"UPDATE generation_jobs SET status = 'cancelled' WHERE id IN ({first})"),
        {"user": LIMITED},
    )


def lift(session: Session) -> None:
    session.execute(text("UPDATE users SET running_jobs_limit = NULL WHERE id = :user"), {"user": LIMITED})


ALL, THEIRS = pausing(None), pausing(CROWD)
DEEDS = {
    "pausing everything": Deed(ALL),
    "a look while everything is paused": Deed(look, ALL),
    "a sweep while everything is paused": Deed(sweep, ALL),
    "resuming everything, and waking workers": Deed(resuming(None), ALL),
    "pausing a user with 100,000 waiting": Deed(THEIRS),
    "a claim once they are paused": Deed(claim, THEIRS),
    "resuming them, and waking workers": Deed(resuming(CROWD), THEIRS),
    "a claim beside 100,000 parked": Deed(claim),
    "a sweep beside 100,000 parked": Deed(sweep),
    "a lane filled up from 100,000 parked": Deed(fill_up, empty_lane),
    "the sweep once their limit is lifted": Deed(sweep, lift),
    "a job submitted behind 100,000 parked": Deed(submitting(LIMITED)),
    "a job submitted behind 100,000 waiting": Deed(submitting(CROWD)),
    "the place of the last of them": Deed(position_of, last_of(CROWD)),
    "the last of 100,000 parked cancelled": Deed(lambda session, job: cancel_one(session, job.id), last_of(LIMITED)),
    "a job moved to the back, past ten": Deed(
        lambda session, job: moving.move(session, job, LaneEnd.BACK), last_of(CROWD, before=10)
    ),
    "the sweep that parks 2,000 of theirs": Deed(sweep, THEIRS, leaves=True),
}


@contextmanager
def filled(place: Place, jobs: int, of_one: int) -> Iterator[Running]:
    with place.system(Wanted(apis=0, workers=0, scheduler=False)) as here:
        fill(here, jobs, users=200)
        with here.messenger.transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            for user, limit in ((CROWD, None), (LIMITED, 1)):
                session.execute(CROWDS, {"user": user, "limit": limit})
                is_parked = limit is not None
                session.execute(CROWDED, {"user": user, "parked": is_parked, "lane": LANE, "jobs": of_one})
        vacuum(here)
        yield here


def pages_of(here: Running, read: PagesRead, deed: Deed) -> int:
    def done() -> None:
        with suppress(Undone), here.messenger.transaction() as session:
            found = deed.before(session)
            read.pages = 0
            deed.measured(session, found)
            raise Undone

    pages = read.of(done)
    if deed.leaves:
        vacuum(here, how="INDEX_CLEANUP ON")  # or what are few of a million rows stays in the indexes
    return pages


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    with (
        filled(place, place.few(FEW, 1_000), place.few(FEW_OF_ONE, 2_500)) as few,
        filled(place, place.few(MANY, 2_000), place.few(MANY_OF_ONE, 5_000)) as many,
    ):
        of_few, of_many = PagesRead(few.engine), PagesRead(many.engine)

        def measure() -> dict[str, Round]:
            return {
                name: Round(1 + pages_of(many, of_many, deed), 1 + pages_of(few, of_few, deed))
                for name, deed in DEEDS.items()
            }

        def measure_and_clear() -> dict[str, Round]:
            found = measure()
            for here in (few, many):
                vacuum(here)  # what was undone has left dead rows
            return found

        yield measure_and_clear


STEERING = Bench(tuple(Figure(name, "pages", "10,000 jobs", WANTED) for name in DEEDS), opened, warm=True)
