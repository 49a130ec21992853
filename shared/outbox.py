"""Messages and events leave with the transaction that caused them, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import dramatiq
import redis
import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from shared.database import transaction
from shared.events import Channels, Event
from shared.messages import Message
from shared.models import EventType, JobEvent

log = structlog.get_logger(__name__)

PROGRESS_KEPT = timedelta(hours=1)


def stage(session: Session, row: JobEvent) -> None:
    """Write an event, to be published once the session's transaction is committed."""
    session.add(row)
    session.info.setdefault("events", []).append(row)


class Outbox:
    """Sends what a committed transaction staged. That Redis is away is no failure: rows tell the rest."""

    def __init__(self, engine: Engine, broker: dramatiq.Broker, client: redis.Redis, channels: Channels) -> None:
        self.engine = engine
        self.broker = broker
        self.client = client
        self.channels = channels

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction whose staged events are published after its commit."""
        with transaction(self.engine) as session:
            yield session
        for row in session.info.pop("events", ()):
            self.publish(Event.from_row(row))

    def send(self, message: Message, message_id: str | None = None) -> bool:
        """Send a message now. False if Redis did not take it (or did, and could not say so)."""
        try:
            self.broker.enqueue(message.to_dramatiq(message_id))
        except redis.RedisError as error:
            log.warning("message.not_sent", actor=message.actor_name, error=str(error))
            return False
        return True

    def publish(self, event: Event) -> None:
        """Tell watchers of the event's job. Raises nothing: a watcher who missed it reads the row."""
        try:
            self._publish(event)
        except redis.RedisError as error:
            log.warning("event.not_published", type=event.type, job_id=event.job_id, error=str(error))

    def _publish(self, event: Event) -> None:
        body = event.model_dump_json()
        match event.type:
            case EventType.PREVIEW:
                self.client.publish(self.channels.previews(event.job_id), body)
            case EventType.PROCESSING:
                pipeline = self.client.pipeline(transaction=False)
                pipeline.set(self.channels.progress(event.job_id), body, ex=PROGRESS_KEPT)
                pipeline.publish(self.channels.job(event.job_id), body)
                pipeline.execute()
            case _:
                self.client.publish(self.channels.job(event.job_id), body)

    def request_cancel(self, job_id: int) -> None:
        """Tell whichever worker holds the job. If it is not heard, the worker's next heartbeat says it."""
        try:
            self.client.publish(self.channels.cancels, job_id)
        except redis.RedisError as error:
            log.warning("cancel.not_published", job_id=job_id, error=str(error))
