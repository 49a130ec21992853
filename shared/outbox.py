"""Messages and events leave with the transaction that caused them, or not at all."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from sqlalchemy import Engine
from sqlmodel import Session

from shared.database import transaction
from shared.events import Channels, Event
from shared.messages import Message
from shared.models import EventType, JobEvent

log = structlog.get_logger(__name__)

SILENCE = timedelta(seconds=1)
PROGRESS_KEPT = timedelta(hours=1)


def stage(session: Session, row: JobEvent, *, user_id: UUID) -> None:
    """Write an event of a user's job, to be published once the session's transaction is committed."""
    session.add(row)
    session.info.setdefault("events", []).append((row, user_id))


class Outbox:
    """Sends what a committed transaction staged. That Redis is away is no failure: rows tell the rest.

    After a failure nothing is tried for a second, so that a hung Redis costs one caller its patience, not all.
    """

    def __init__(self, engine: Engine, broker: RedisBroker, client: redis.Redis, channels: Channels) -> None:
        self.engine = engine
        self.broker = broker
        self.client = client
        self.channels = channels
        self.silent_until = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction whose staged events are published after its commit."""
        with transaction(self.engine) as session:
            yield session
        for row, user_id in session.info.pop("events", ()):
            self.publish(Event.from_row(row, user_id))

    def send(self, message: Message, message_id: str | None = None) -> bool:
        """Send a message now. False if Redis did not take it (or did, and could not say so)."""
        return self.attempt("message", lambda: self.broker.enqueue(message.to_dramatiq(message_id)))

    def publish(self, event: Event) -> None:
        """Tell watchers of the event's job. Raises nothing: a watcher who missed it reads the row."""
        self.attempt("event", lambda: self.deliver(event))

    def request_cancel(self, job_id: int) -> None:
        """Tell whichever worker holds the job. If it is not heard, the worker's next heartbeat says it."""
        self.attempt("cancel", lambda: self.client.publish(self.channels.cancels, job_id))

    def attempt(self, what: str, deed: Callable[[], object]) -> bool:
        """Do one thing with Redis, unless Redis failed a moment ago. Whether it was done."""
        if time.monotonic() < self.silent_until:
            return False
        try:
            deed()
        except redis.RedisError as error:
            self.silent_until = time.monotonic() + SILENCE.total_seconds()
            log.warning("redis.unavailable", lost=what, error=str(error))
            return False
        return True

    def deliver(self, event: Event) -> None:
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
