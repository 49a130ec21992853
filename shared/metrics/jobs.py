"""Jobs are counted where they are accepted, start and end, once that is committed."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.messaging.happenings import Happening
from shared.models import EventType

# Seconds: from a wake-up that finds a free server to a night's backlog.
WAITS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 120, 300, 900, 3600, 14400)
RUNS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 900, 1800)
STORING = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600)


class JobMetrics:
    """What one process has seen of jobs. Each event is seen by the process that wrote it, and by no other."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = Counter("genonaut_jobs_accepted_total", "jobs accepted", ["kind"], registry=registry)
        self.finished = Counter("genonaut_jobs_finished_total", "jobs ended", ["status", "kind"], registry=registry)
        self.started = Counter("genonaut_jobs_started_total", "jobs given to a server", ["kind"], registry=registry)
        self.waited, self.ran, self.stored = (
            Histogram(f"genonaut_{name}_seconds", text, ["kind"], buckets=buckets, registry=registry)
            for name, text, buckets in (
                ("wait", "from when a job could have begun until a server was given it", WAITS),
                ("run", "from the first start of a completed job until ComfyUI was done", RUNS),
                ("store", "from then until its outputs were stored and recorded", STORING),
            )
        )

    def count(self, seen: Happening) -> None:
        """Count one committed event."""
        if seen.is_first:
            self.accepted.labels(seen.job_type).inc()
        if seen.type is EventType.STARTED:
            self.started.labels(seen.job_type).inc()
        if seen.type.is_final:
            self.finished.labels(seen.type.value, seen.job_type).inc()
        for histogram, took in ((self.waited, seen.waited), (self.ran, seen.ran), (self.stored, seen.stored)):
            if took is not None:
                histogram.labels(seen.job_type).observe(max(0.0, took.total_seconds()))
