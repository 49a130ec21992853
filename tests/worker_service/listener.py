"""The live events of a deployment, as Redis carries them."""

from collections.abc import Callable

import redis

from shared.messaging.events import Channels, Event
from shared.models import EventType
from tests.worker_service.waiting import until


def at_step(step: int, *, attempt: int = 1) -> Callable[[Event], bool]:
    """Whether an event tells of that step of a sampler."""
    return lambda event: (event.type, event.attempt, event.data.get("step")) == (EventType.PROCESSING, attempt, step)


class Listener:
    """Hears every live event of a deployment from now on."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis' own
        self.pubsub.psubscribe(f"{Channels(namespace).prefix}*")
        self.heard: list[Event] = []

    def until(self, job_id: int, holds: Callable[[Event], object]) -> list[Event]:
        """All events of a job, once there is such a one among them."""

        def heard() -> bool:
            while (message := self.pubsub.get_message()) is not None:
                self.heard.append(Event.model_validate_json(message["data"]))
            return any(event.job_id == job_id and holds(event) for event in self.heard)

        until(heard, lambda: "\n  ".join(map(str, ["heard:", *self.heard])))
        return [event for event in self.heard if event.job_id == job_id]

    def until_final(self, job_id: int) -> list[Event]:
        return self.until(job_id, lambda event: event.type.is_final)

    def close(self) -> None:
        self.pubsub.close()
