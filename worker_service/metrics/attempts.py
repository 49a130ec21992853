"""Attempts are counted by the worker that made them, once their outcome is written."""

from prometheus_client import CollectorRegistry, Counter

from shared.jobs.claim.claims import Claim
from shared.models import Outcome


class AttemptMetrics:
    """What became of this worker's attempts. One whose worker fell silent is counted by whoever takes over."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a registry nobody is shown what is counted."""
        self.attempts = Counter(
            "genonaut_attempts_total", "attempts that have ended", ["server", "outcome"], registry=registry
        )
        self.failures = Counter("genonaut_failures_total", "attempts that failed", ["reason"], registry=registry)
        self.adoptions = Counter(
            "genonaut_adoptions_total", "attempts that began with the prompt of an earlier one", registry=registry
        )
        self.expiries = Counter(
            "genonaut_lease_expiries_total", "leases that ran out, as their workers fell silent", registry=registry
        )
        self.output_bytes = Counter("genonaut_outputs_bytes_total", "bytes of stored outputs", registry=registry)

    def began(self, claim: Claim) -> None:
        if claim.doubt is None:
            return
        if claim.prompt == claim.doubt:
            self.adoptions.inc()
        if claim.silent is not None:
            self.expiries.inc()
            self.attempts.labels(claim.doubt.server, Outcome.EXPIRED.value).inc()

    def ended(self, server: str, outcome: Outcome, reason: str | None = None) -> None:
        """`reason` is the code of the error that ended it."""
        self.attempts.labels(server, outcome.value).inc()
        if reason is not None:
            self.failures.labels(reason).inc()
