"""What a million ended jobs cost those who read, claim, sweep and clean up, in pages that PostgreSQL touches.

Each deed is done beside a hundred thousand jobs, and beside a million or as many as `--ended` says. Those that have
completed have events, an attempt and outputs. Jobs are as far apart in both, so that a day holds as many.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from api_service.jobs.detail import details
from api_service.jobs.failures import FailureFilters, page_of_groups
from api_service.jobs.listing import read_page
from api_service.jobs.statistics import statistics_of
from api_service.overview.overview import Period, overview_of
from shared.accounts.retention import Kept
from shared.database.engine import reading
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange, Position
from shared.models import JobStatus
from shared.storage.opening import open_storage
from shared.usage.budgets import spending_of
from tests.bench.claiming import fill
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.pages_read import PagesRead
from tests.bench.place import Place, Running, Wanted
from tests.bench.queueing import claim, sweep
from tests.population import USERS, Population, populate
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.portion import CleanUp, Tools
from worker_service.scheduler.gauges import live_jobs, owed

SMALL = 100_000
PAGE = 50
CLEANED = 500  # jobs
OWNER = USERS[-1]  # of the most jobs
A_DAY = timedelta(days=1)
NOW = datetime.now(UTC)
WANTED = "<= 2"  # a larger index is deeper, and what it finds lies farther apart

Deed = Callable[[Running], object]


def listed(owner: UUID | None = OWNER, *, back: timedelta | None = None, **filters: object) -> Deed:
    """Read a page of a list: the first one, or one from so long ago on."""

    def deed(here: Running) -> object:
        after = Position(datetime.now(UTC) - back, 0) if back else None
        return read_page(here.engine, Filters.model_validate(filters), PageRange(owner, PAGE, after))

    return deed


def asked(question: Callable[[Session], object]) -> Deed:
    def deed(here: Running) -> object:
        with reading(here.engine) as session:
            found = question(session)
            return list(found) if isinstance(found, Iterator) else found

    return deed


def written(work: Callable[[Session], object]) -> Deed:
    def deed(here: Running) -> object:
        with here.messenger.transaction() as session:
            return work(session)

    return deed


def found_old(clean_up: CleanUp) -> Deed:
    """Find so many jobs that are to go once they are a day old."""

    def deed(here: Running) -> object:
        tools = Tools(here.messenger, open_storage(here.settings).store, dict.fromkeys(Kept, A_DAY), None)
        found = 0
        for portion in clean_up.find(tools, None):
            found += len(portion.items)
            if found >= CLEANED:
                break
        return found

    return deed


DEEDS: dict[str, Deed] = {
    "GET a job": lambda here: details(here.engine, 5000, None),
    "list": listed(),
    "list, a day back": listed(back=A_DAY),
    "list of failed and cancelled": listed(status=(JobStatus.FAILED, JobStatus.CANCELLED)),
    "list of a type": listed(type="workflow"),
    "list of a checkpoint": listed(checkpoint="sdxl.safetensors"),
    "list of a failure": listed(failure="000000000000000a"),
    "list of pinned": listed(pinned=True),
    "list of metadata": listed(metadata=("project:p7",)),
    "list of labels": listed(requires=("nvlink",)),
    "list of a word": listed(text="cat"),
    "list of an hour": listed(created_after=NOW - A_DAY - timedelta(hours=1), created_before=NOW - A_DAY),
    "everybody's list": listed(None),
    "everybody's list of failed": listed(None, status=(JobStatus.FAILED,)),
    "everybody's list of metadata": listed(None, metadata=("project:p7",)),
    "statistics of a month": lambda here: statistics_of(here.engine, OWNER, 30),
    "groups of failures of a day": lambda here: page_of_groups(
        here.engine, FailureFilters(reader=OWNER, owner=OWNER, since=datetime.now(UTC) - A_DAY), None, PAGE
    ),
    "overview of a day": lambda here: overview_of(here.engine, None, Period.DAY),
    "what a budget looks at": asked(lambda session: spending_of(session, OWNER)),
    "counts of metrics": asked(lambda session: [*live_jobs(session), *owed(session)]),
    "claim": written(claim),
    "sweep": written(sweep),
    f"{CLEANED} old jobs found": found_old(next(one for one in CLEAN_UPS if one.name == "jobs")),
}


@contextmanager
def filled(place: Place, jobs: int) -> Iterator[Running]:
    with place.system(Wanted(apis=0, workers=0, scheduler=False)) as here:
        fill(here, 0)
        populate(here.engine, Population(jobs, outputs_of_every=1))
        yield here


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    small, large = place.few(SMALL, 6_000), place.few(place.ended, 8_000)
    with filled(place, small) as few, filled(place, large) as many:
        of_few, of_many = PagesRead(few.engine), PagesRead(many.engine)

        def measure() -> dict[str, Round]:
            return {
                name: Round(1 + of_many.of(lambda deed=deed: deed(many)), 1 + of_few.of(lambda deed=deed: deed(few)))  # type: ignore[misc]
                for name, deed in DEEDS.items()
            }

        yield measure


ENDED = Bench(tuple(Figure(name, "pages", "100,000 jobs", WANTED) for name in DEEDS), opened, warm=True)
