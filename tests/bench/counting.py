"""What metrics and traces cost a submission and a claim: the time of all that is told of one, against that of one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry
from sqlmodel import select

from api_service.http.server.metrics import ApiMetrics
from shared.database.engine import transaction
from shared.jobs.claim.claims import Claimant
from shared.messaging.events import Event
from shared.messaging.happenings import Happening
from shared.metrics.jobs import JobMetrics
from shared.models import ComfyUIServer, EventType, User
from shared.tracing.exporting import TracingTo
from shared.tracing.tracing import Kind, Tracing
from shared.tracing.tracing import Place as At
from tests.bench.claiming import claim_one
from tests.bench.figure import Bench, Figure, Measure, Round
from tests.bench.place import Place, Running, Wanted
from tests.bench.submitting import without_http
from tests.jobs import LEASE, SERVER, new_job
from tests.otlp_receiver import running_receiver

SUBMISSION, CLAIM = "what is counted of a submission", "what is counted of a claim"
TRACED = "what a trace records of a submission, with its sending"
TIMES = 2000
TRACES = 300  # all of their spans have room in the queue


@dataclass(frozen=True)
class Route:
    path: str = "/api/v1/generation-jobs"


def micros(deed: Callable[[], object], times: int) -> float:
    """Of one of so many."""
    started = time.perf_counter()
    for _ in range(times):
        deed()
    return (time.perf_counter() - started) / times * 1e6


def counters() -> tuple[Callable[[], None], Callable[[], None]]:
    """What is done for the metrics of a submission, and of a claim."""
    api, worker = ApiMetrics(CollectorRegistry()), JobMetrics(CollectorRegistry())
    now = datetime.now(UTC)
    job = new_job(id=1, attempt=1, events=1, created_at=now, run_after=now)
    scope: dict[str, Any] = {"route": Route(), "method": "POST"}

    queued, started = (Event.written(kind, job, at=now, data={}) for kind in (EventType.QUEUED, EventType.STARTED))

    def submission() -> None:
        api.jobs.count(Happening.of(queued, job))
        api.answered(scope, 201, 0.01)

    return submission, lambda: worker.count(Happening.of(started, job))


def traced(tracing: Tracing) -> None:
    """What is told of a submission."""
    with tracing.beginning("POST", At(), Kind.SERVER, {"http.request.method": "POST", "url.path": Route.path}) as span:
        tracing.log_fields()
        tracing.traceparent()
        for name in ("record jobs", "send wake-ups"):
            with tracing.span(name):
                pass
        span.name(f"POST {Route.path}")
        span.note({"http.route": Route.path, "http.response.status_code": 201})


def trace_all() -> float:
    """The microseconds of one, until all are sent to a receiver that does not look at them."""
    with running_receiver(looks=False) as receiver:
        tracing = TracingTo(receiver.url, "api")
        started = time.perf_counter()
        for _ in range(TRACES):
            traced(tracing)
        tracing.close()
        return (time.perf_counter() - started) / TRACES * 1e6


def claim_all(here: Running, jobs: int) -> float:
    """The microseconds of a claim, one after another: as many as there are jobs."""
    with here.messenger.transaction() as session:
        now = datetime.now(UTC)
        server = ComfyUIServer(name=SERVER, version="0.8.0", last_seen_at=now, named_at=now, slots=30_000)
        session.merge(server)
    claimant = Claimant("worker", "message", [SERVER], LEASE)
    return micros(lambda: claim_one(here.messenger, claimant), jobs)


@contextmanager
def opened(place: Place) -> Iterator[Measure]:
    jobs = place.few(200, 20)
    with place.system(Wanted(apis=0, workers=0, scheduler=False)) as here:
        with transaction(here.engine) as session:
            owner = session.exec(select(User.id)).first()
        assert owner is not None

        def measure() -> dict[str, Round]:
            submission, claim = counters()
            submitting = 1e6 / without_http(here, owner, jobs)
            return {
                SUBMISSION: Round(micros(submission, TIMES), submitting),
                TRACED: Round(trace_all(), submitting),
                CLAIM: Round(micros(claim, TIMES), claim_all(here, jobs)),
            }

        yield measure


COUNTING = Bench(
    (
        Figure(SUBMISSION, "µs", "a submission without HTTP", "<= 0.03"),
        Figure(CLAIM, "µs", "a claim", "<= 0.03"),
        Figure(TRACED, "µs", "a submission without HTTP", "<= 0.2"),
    ),
    opened,
)
