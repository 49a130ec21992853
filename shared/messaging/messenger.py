"""Messages and events leave with the transaction that caused them, or not at all."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis.client import Pipeline
from redis.exceptions import NoScriptError
from sqlalchemy import Engine
from sqlmodel import Session

from shared.database.engine import transaction
from shared.messaging.broker import collecting_broker, waiting_messages
from shared.messaging.events import Channels, Event, Events, UserIds
from shared.messaging.happenings import Happening, TimedJob
from shared.messaging.messages import Message, Queue
from shared.messaging.redis_away import RedisAway
from shared.models import EventType

log = structlog.get_logger(__name__)

T = TypeVar("T")

PROGRESS_KEPT = timedelta(hours=1)
TOLD_KEPT = timedelta(minutes=15)  # longer than a signature is good for
EVENTS = "events"  # what a session keeps until its commit
OWNERS = "owners"  # of the tasks that it has changed


def publish_after_commit(session: Session, event: Event, job: TimedJob | None = None) -> None:
    """Publish an event once the session's transaction is committed, and count what it says of its job. Raises
    RuntimeError in a session that would not."""
    if EVENTS not in session.info:
        raise RuntimeError("only a session of Messenger.transaction publishes events")
    session.info[EVENTS].append((event, Happening.of(event, job) if job else None))


def ring_after_commit(session: Session, user_id: UUID) -> None:
    """Tell the streams of a user's tasks, once the session's transaction is committed, that one is another than before.
    Raises RuntimeError in a session that would not."""
    if OWNERS not in session.info:
        raise RuntimeError("only a session of Messenger.transaction tells of tasks")
    session.info[OWNERS].add(user_id)


class Messenger:
    """Sends messages, and the events of its transactions once these are committed. A Redis that is away is no failure:
    the rows have it all.

    While Redis is away it is asked once a second, so that a hung Redis slows one caller and not all.
    """

    def __init__(
        self,
        engine: Engine,
        broker: RedisBroker,
        client: redis.Redis,
        channels: Channels,
        count: Callable[[Happening], None] = lambda _: None,
    ) -> None:
        """`count` is called with what has happened to jobs, once it is committed."""
        self.engine = engine
        self.broker = broker
        self.client = client
        self.channels = channels
        self.count = count
        self.redis_away = RedisAway()
        self.of_thread = threading.local()
        self.is_introduced = False  # Dramatiq to the server: its scripts are there

    def close(self) -> None:
        """Close the connections to Redis: the messages have some of their own. Who sends after this opens them anew."""
        self.client.close()
        self.broker.client.close()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction whose events are published after its commit. Where none can be written, `transaction` of
        `shared.database.engine` will do, and `reading` for those who only read."""
        with transaction(self.engine) as session:
            session.info[EVENTS], session.info[OWNERS] = [], set()
            yield session
        if staged := session.info.pop(EVENTS):
            for _, happening in staged:
                if happening is not None:
                    self.count(happening)
            self.publish(*(event for event, _ in staged))
        self.ring_users(session.info.pop(OWNERS), self.channels.tasks)

    def send(self, message: Message, message_id: str | None = None) -> bool:
        """Send a message now. False if Redis did not take it (or did, and could not say so)."""
        return self.attempt("message", lambda: self.enqueue((message, message_id)))

    def send_all(self, messages: Sequence[tuple[Message, str]]) -> bool:
        """Send several messages in one round trip. False if Redis did not take them all; it may have taken some."""
        return self.attempt("messages", lambda: self.enqueue(*messages))

    def enqueue(self, *messages: tuple[Message, str | None]) -> None:
        """Send messages, and have workers look for them."""
        rest = messages
        if not self.is_introduced:
            # The first goes alone: with it Dramatiq brings its scripts, and learns what it must know of the server.
            message, message_id = messages[0]
            self.broker.enqueue(message.to_dramatiq(message_id))
            self.is_introduced, rest = True, messages[1:]
        try:
            self.enqueue_together(rest, {message.queue for message, _ in messages})
        except NoScriptError:  # another server, or one that has started anew: it has taken none
            self.is_introduced = False
            self.enqueue(*rest)

    def enqueue_together(self, messages: Sequence[tuple[Message, str | None]], queues: Collection[Queue]) -> None:
        """Raises NoScriptError where Redis does not know Dramatiq's scripts."""
        pipeline, broker = self.collector()
        with pipeline:  # which is empty again after this
            broker.maintenance_chance = self.broker.maintenance_chance
            for message, message_id in messages:
                broker.enqueue(message.to_dramatiq(message_id))
                broker.maintenance_chance = 0  # once is enough
            for queue in queues:
                pipeline.publish(self.channels.wakeups, queue.value)
            pipeline.scripts.clear()  # else it would ask first whether they are there, which they are
            pipeline.execute()

    def collector(self) -> tuple[Pipeline, RedisBroker]:
        """This thread's pipeline to the broker's Redis, and what puts messages into it."""
        if not hasattr(self.of_thread, "collector"):
            pipeline = self.broker.client.pipeline(transaction=False)
            self.of_thread.collector = pipeline, collecting_broker(pipeline, self.broker)
        found: tuple[Pipeline, RedisBroker] = self.of_thread.collector
        return found

    def publish(self, *events: Event) -> None:
        """Tell watchers of the events' jobs. Raises nothing: a watcher who missed one reads the row."""
        try:
            self.attempt("event", lambda: self.deliver(*events))
        except ValueError as error:
            # Its transaction is committed, and nobody may take it for one that failed.
            log.error("events.not_published", job_ids=[event.job_id for event in events], error=str(error))  # noqa: TRY400

    def ring_users(self, user_ids: Collection[UUID], channel: str) -> None:
        """Tell the streams of these users that there is something new. One who is not reached looks later."""
        if user_ids:
            listed = UserIds.dump_json(sorted(user_ids))
            self.attempt("ring", lambda: self.client.publish(channel, listed))

    def request_cancel(self, job_id: int) -> None:
        """Tell the worker that holds the job. If it does not hear, it reads so with its next heartbeat."""
        self.attempt("cancel", lambda: self.client.publish(self.channels.cancels, job_id))

    def have_looked_at(self, prompt_id: str, message_id: str) -> None:
        """Tell the worker that watches the prompt to look, if any does; once for each message."""
        self.attempt("look", lambda: self.publish_look(prompt_id, message_id))

    def publish_look(self, prompt_id: str, message_id: str) -> None:
        if self.client.set(f"{self.channels.told}{message_id}", b"", nx=True, ex=TOLD_KEPT):
            self.client.publish(self.channels.looks, prompt_id)

    def kept_progress(self, job_id: int) -> Event | None:
        """The last progress of a job that is kept. None also while Redis is away."""
        kept = self.ask("progress", lambda: (self.client.get(self.channels.progress(job_id)),))
        return Event.model_validate_json(kept[0]) if kept and kept[0] else None

    def waiting_messages(self, queue: Queue) -> int | None:
        """How many messages of a queue no worker has fetched yet. None while Redis is away."""
        return self.ask("count", lambda: waiting_messages(self.broker, queue))

    def attempt(self, what: str, action: Callable[[], object]) -> bool:
        """Do one thing with Redis, unless Redis is away. Returns whether it was done."""
        return self.ask(what, lambda: [action()]) is not None

    def ask(self, what: str, question: Callable[[], T]) -> T | None:
        """The answer of Redis, or None while it is away."""
        if not self.redis_away.may_ask():
            return None
        try:
            answer = question()
        except redis.RedisError as error:
            self.redis_away.failed()
            log.warning("redis.unavailable", lost=what, error=str(error))
            return None
        self.redis_away.answered()
        return answer

    def deliver(self, *events: Event) -> None:
        """Publish events in one round trip: one on its job's channel, several as one message. What Redis keeps of a
        job goes with its last event."""
        # One that is deleted had ended before, and that event took what was kept.
        ends = (event for event in events if event.type.is_final and event.type is not EventType.DELETED)
        if ended := [event.job_id for event in ends]:
            with self.client.pipeline(transaction=False) as pipeline:
                pipeline.unlink(*map(self.channels.progress, ended))
                pipeline.publish(*self.published(*events))
                pipeline.execute()
            return
        match events:
            case [Event(type=EventType.PREVIEW) as event]:
                self.client.publish(self.channels.previews(event.job_id), event.model_dump_json())
            case [Event(type=EventType.PROCESSING) as event]:
                self.deliver_progress(event)
            case _:
                self.client.publish(*self.published(*events))

    def published(self, *events: Event) -> tuple[str, str | bytes]:
        """The channel and the message that carry these events."""
        match events:
            case [event]:
                return self.channels.job(event.job_id), event.model_dump_json()
            case _:
                return self.channels.several_jobs, Events.dump_json(list(events))

    def deliver_progress(self, event: Event) -> None:
        body = event.model_dump_json()
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.set(self.channels.progress(event.job_id), body, ex=PROGRESS_KEPT)
            pipeline.publish(self.channels.job(event.job_id), body)
            pipeline.execute()
