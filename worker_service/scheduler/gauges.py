"""Rows are counted by the scheduler that leads, when somebody asks: counted by each process, they would add up."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Engine, Extract, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from shared.database.engine import reading
from shared.fleet.servers import IN_A_SLOT, IS_NAMED, MOST_JOBS, STATE, USABLE, ServerState
from shared.jobs.claim.conditions import DUE, HAS_COME
from shared.models import (
    HELD,
    LIVE,
    ComfyUIServer,
    DeliveryState,
    GenerationJob,
    JobStatus,
    Mail,
    MailState,
    User,
    WebhookDelivery,
    Worker,
)

log = structlog.get_logger(__name__)

KEPT_S = 5.0  # however many ask, the rows are counted this often
REST = 10  # ... and not again for so many times as long as that took, where a million jobs wait
LONGEST_KEPT_S = 120.0
ALIVE = timedelta(seconds=30)  # since the last heartbeat of a worker
IS_ALIVE = col(Worker.last_seen_at) > func.now() - ALIVE


class QueuedJobs(NamedTuple):
    """Jobs in the queue that have the same priority, and what those will take whose time has come."""

    priority: int
    jobs: int
    seconds: float
    oldest_s: Decimal | None


def seconds_since(moment: ColumnElement[Any]) -> Extract:
    return func.extract("epoch", func.now() - moment)


# All that is counted of them in one pass: there may be a million, each read from the table. The seconds are as in the
# view `waiting_work`.
COSTS: ColumnElement[float] = func.coalesce(func.nullif(col(GenerationJob.turn_cost), 0) * col(User.weight), 10)
QUEUED = (
    select(
        col(GenerationJob.priority),
        func.count(),
        func.coalesce(func.sum(COSTS).filter(HAS_COME), 0),
        seconds_since(func.min(func.greatest(GenerationJob.created_at, GenerationJob.run_after)).filter(*DUE)),
    )
    .join(User, col(User.id) == col(GenerationJob.user_id))
    .where(col(GenerationJob.status) == JobStatus.QUEUED)
    .group_by(col(GenerationJob.priority))
)


class RowGauges(Collector):
    """What the rows say now. A scheduler that stands by says nothing of them, and neither does one without its
    database: a figure that is not there is better than one of yesterday."""

    def __init__(
        self, engine: Engine, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.is_leader = False
        self.lock = threading.Lock()
        self.counted: Sequence[Metric] = ()
        self.due_at = float("-inf")
        registry.register(self)

    @contextmanager
    def leading(self) -> Iterator[None]:
        self.is_leader = True
        try:
            yield
        finally:
            self.is_leader = False

    def describe(self) -> Sequence[Metric]:
        """Nothing: to be registered, it need not count."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("genonaut_scheduler_leads", "1 for the scheduler that leads", float(self.is_leader))
        if self.is_leader:
            yield from self.rows()

    def rows(self) -> Sequence[Metric]:
        with self.lock:
            if (began_at := self.clock()) >= self.due_at:
                self.counted = self.count()
                now = self.clock()
                self.due_at = now + min(max(KEPT_S, REST * (now - began_at)), LONGEST_KEPT_S)
            return self.counted

    def count(self) -> Sequence[Metric]:
        try:
            with reading(self.engine) as session:
                return [metric for counter in COUNTERS for metric in counter(session)]
        except SQLAlchemyError as error:
            log.warning("metrics.rows_not_counted", error=str(error))
            return ()


def live_jobs(session: Session) -> Iterator[Metric]:
    """Jobs that have not ended. Those that have are too many to be counted: `genonaut_jobs_finished_total` has them."""
    found, oldest, seconds = dict.fromkeys(LIVE, 0), [], 0.0
    for queued in map(QueuedJobs._make, session.execute(QUEUED)):
        found[JobStatus.QUEUED] += queued.jobs
        seconds += queued.seconds
        if queued.oldest_s is not None:
            oldest.append(([str(queued.priority)], float(queued.oldest_s)))
    # One after another, as each has an index of its own.
    for statuses in ([JobStatus.PENDING], HELD):
        status = col(GenerationJob.status)
        counted = select(status, func.count()).where(status.in_(statuses)).group_by(status)
        found |= {JobStatus(name): number for name, number in session.execute(counted)}
    yield labelled("genonaut_jobs", "jobs that have not ended", ["status"], [([name], n) for name, n in found.items()])
    yield labelled(
        "genonaut_oldest_waiting_seconds", "how long the oldest job that may start waits", ["priority"], oldest
    )
    yield GaugeMetricFamily("genonaut_waiting_work_seconds", "what all jobs that may start will take", seconds)


def servers(session: Session) -> Iterator[Metric]:
    used = (
        select(func.count()).where(*IN_A_SLOT, col(GenerationJob.server) == col(ComfyUIServer.name)).scalar_subquery()
    )
    slots = case((USABLE, MOST_JOBS), else_=0)
    rows = session.execute(select(col(ComfyUIServer.name), slots, used, STATE).where(IS_NAMED)).all()
    yield labelled("genonaut_slots", "jobs a server may hold now", ["server"], [([row[0]], row[1]) for row in rows])
    yield labelled("genonaut_slots_used", "jobs a server holds", ["server"], [([row[0]], row[2]) for row in rows])
    states = [([row[0], state.value], float(row[3] == state)) for row in rows for state in ServerState]
    yield labelled("genonaut_server_state", "1 for the state that a server is in", ["server", "state"], states)


def workers(session: Session) -> Iterator[Metric]:
    alive = select(func.count()).select_from(Worker).where(IS_ALIVE)
    yield GaugeMetricFamily("genonaut_workers", "workers that were seen lately", session.execute(alive).scalar_one())


def owed(session: Session) -> Iterator[Metric]:
    """What is due to go out, and since when."""
    for name, table, pending in (
        ("webhooks", WebhookDelivery, DeliveryState.PENDING),
        ("mails", Mail, MailState.PENDING),
    ):
        is_due = (col(table.state) == pending, col(table.due_at) <= func.now())
        due = select(func.count(), func.coalesce(seconds_since(func.min(table.due_at)), 0)).where(*is_due)
        number, oldest = session.execute(due).one()
        yield GaugeMetricFamily(f"genonaut_{name}_due", f"{name} that are due to go out", number)
        yield GaugeMetricFamily(f"genonaut_{name}_oldest_seconds", "how long the oldest of these is due", oldest)


COUNTERS = (live_jobs, servers, workers, owed)


def labelled(name: str, text: str, labels: Sequence[str], found: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in found:
        family.add_metric(values, number)
    return family
