"""What became of the webhooks that this worker has tried."""

from prometheus_client import CollectorRegistry, Counter

from shared.models import DeliveryState

# A delivery that is pending again will be tried later.
OUTCOMES = {DeliveryState.DELIVERED: "delivered", DeliveryState.PENDING: "put_off", DeliveryState.FAILED: "given_up"}
DROPPED = "dropped"


class WebhookMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.tried = Counter("genonaut_webhooks_total", "webhooks that were tried", ["outcome"], registry=registry)

    def count(self, state: DeliveryState | None) -> None:
        self.tried.labels(OUTCOMES[state] if state else DROPPED).inc()
