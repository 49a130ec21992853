"""Requests are counted by their route and how they ended; refusals by limit, streams and events beside them."""

from collections.abc import Sized
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope

from api_service.refusals.refusal import Refusal
from shared.database.reads import Fitness
from shared.messaging.events import Event
from shared.metrics.jobs import JobMetrics

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER, NO_ROUTE = "other", "none"
DURATIONS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)
LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class ApiMetrics:
    """What one API process has answered. Labels are words of ours: what strangers make up is `none` or `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.jobs = JobMetrics(registry)
        self.durations = Histogram(
            "genonaut_http_request_duration_seconds",
            "from the head of a request until its answer was sent; of a stream, until it ended",
            ["route", "method", "status"],
            buckets=DURATIONS,
            registry=registry,
        )
        self.known: dict[tuple[str, str, int], Histogram] = {}  # found without their lock
        self.refused = Counter("genonaut_refused_total", "requests beyond a limit", ["limit"], registry=registry)
        self.reads = Counter(
            "genonaut_reads_total",
            "lists and statistics that were read, by the server that answered: replica or primary",
            ["where"],
            registry=registry,
        )
        self.replica: tuple[Gauge, Gauge] | None = None
        self.streams = Gauge("genonaut_streams_open", "streams that are open", registry=registry)
        self.lag = Histogram(
            "genonaut_events_lag_seconds",
            "from when the database wrote an event until a watcher was offered it, by two clocks",
            buckets=LAGS,
            registry=registry,
        )

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer to a request of this ASGI scope."""
        labels = (route_of(scope), method_of(scope), status)
        known = self.known.get(labels)
        if known is None:
            known = self.known[labels] = self.durations.labels(*labels)
        known.observe(seconds)

    def refusing(self, refusal: Refusal) -> None:
        if (limit := refusal.facts.get("limit")) is not None:
            self.refused.labels(limit).inc()

    def heard(self, event: Event) -> None:
        """Count an event that Redis brought."""
        self.lag.observe(max(0.0, (datetime.now(UTC) - event.at).total_seconds()))

    def reading_from(self, where: str) -> None:
        """Count what was read from the `replica` or the `primary`."""
        self.reads.labels(where).inc()

    def show_replica(self, fitness: Fitness) -> None:
        """From now on, show whether there is a replica to read from, and how far it is behind."""
        if self.replica is None:  # where there is none, nothing is shown that could be taken for trouble
            self.replica = (
                Gauge("genonaut_replica_fit", "whether lists are read from the replica", registry=self.registry),
                Gauge(
                    "genonaut_replica_lag_seconds",
                    "how long the replica takes to have what was committed; NaN if it does not say",
                    registry=self.registry,
                ),
            )
        is_fit, lag = self.replica
        is_fit.set_function(lambda: float(fitness.is_fit))
        lag.set_function(lambda: fitness.lag_s)

    def show_streams(self, held: Sized) -> None:
        """From now on, show how many streams are open."""
        self.streams.set_function(lambda: len(held))


def route_of(scope: Scope) -> str:
    """The route that answered, in a word of ours."""
    return getattr(scope.get("route"), "path", NO_ROUTE)


def method_of(scope: Scope) -> str:
    """The method of the request, in a word of ours."""
    return scope["method"] if scope["method"] in METHODS else OTHER
