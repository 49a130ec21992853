"""Rows are counted by the scheduler that leads, when somebody asks: counted by each process, they would add up."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Engine, case, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from shared.database.engine import reading
from shared.fleet.servers import IN_A_SLOT, IS_NAMED, MOST_JOBS, STATE, USABLE, ServerState
from shared.jobs.claim.conditions import DUE
from shared.models import (
    HELD,
    LIVE,
    ComfyUIServer,
    DeliveryState,
    GenerationJob,
    JobStatus,
    Mail,
    MailState,
    WebhookDelivery,
    Worker,
)

log = structlog.get_logger(__name__)

KEPT_S = 5.0  # however many ask, the rows are counted this often
ALIVE = timedelta(seconds=30)  # since the last heartbeat of a worker
IS_ALIVE = col(Worker.last_seen_at) > func.now() - ALIVE


class RowGauges(Collector):
    """What the rows say now. A scheduler that stands by says nothing of them, and neither does one without its
    database: a figure that is not there is better than one of yesterday."""

    def __init__(self, engine: Engine, registry: CollectorRegistry) -> None:
        self.engine = engine
        self.is_leader = False
        self.lock = threading.Lock()
        self.counted: Sequence[Metric] = ()
        self.counted_at = float("-inf")
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
            if time.monotonic() - self.counted_at >= KEPT_S:
                self.counted = self.count()
                self.counted_at = time.monotonic()
            return self.counted

    def count(self) -> Sequence[Metric]:
        try:
            with reading(self.engine) as session:
                return [metric for counter in COUNTERS for metric in counter(session)]
        except SQLAlchemyError as error:
            log.warning("metrics.rows_not_counted", error=str(error))
            return ()


def jobs(session: Session) -> Iterator[Metric]:
    """Jobs that have not ended. Those that have are too many to be counted: `genonaut_jobs_finished_total` has them."""
    found = dict.fromkeys(LIVE, 0)
    # One after another, as each has an index of its own.
    for statuses in ([JobStatus.QUEUED], [JobStatus.PENDING], HELD):
        status = col(GenerationJob.status)
        counted = select(status, func.count()).where(status.in_(statuses)).group_by(status)
        found |= {JobStatus(name): number for name, number in session.execute(counted)}
    yield labelled("genonaut_jobs", "jobs that have not ended", ["status"], [([name], n) for name, n in found.items()])


def waiting(session: Session) -> Iterator[Metric]:
    since = func.min(func.greatest(GenerationJob.created_at, GenerationJob.run_after))
    priority = col(GenerationJob.priority)
    oldest = select(priority, seconds_since(since)).where(*DUE).group_by(priority)
    found = [([str(name)], float(seconds)) for name, seconds in session.execute(oldest)]
    yield labelled(
        "genonaut_oldest_waiting_seconds", "how long the oldest job that may start waits", ["priority"], found
    )
    seconds = session.execute(text("SELECT seconds FROM waiting_work")).scalar_one()
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
        due = select(func.count(), seconds_since(func.min(table.due_at))).where(*is_due)
        number, oldest = session.execute(due).one()
        yield GaugeMetricFamily(f"genonaut_{name}_due", f"{name} that are due to go out", number)
        yield GaugeMetricFamily(f"genonaut_{name}_oldest_seconds", "how long the oldest of these is due", oldest)


COUNTERS = (jobs, waiting, servers, workers, owed)


def seconds_since(moment: ColumnElement[Any]) -> ColumnElement[float]:
    return func.coalesce(func.extract("epoch", func.now() - moment), 0)


def labelled(name: str, text: str, labels: Sequence[str], found: Sequence[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in found:
        family.add_metric(values, number)
    return family
