"""What Redis calls out to workers: that a job was cancelled, and that there is work. Each is only the faster way.

A cancel that is not heard comes with the next heartbeat, and a wake-up is found when its queue is looked at next.
"""

import threading
from collections.abc import Mapping

import redis
import structlog

from shared.messaging.events import Channels
from worker_service.dramatiq_glue.consumer import Bell
from worker_service.run.leases import Leases
from worker_service.run.mailbox import Signal

log = structlog.get_logger(__name__)

LOOK_UP_S = 1.0
RECONNECT_S = 1.0


class Calls(threading.Thread):
    """Listens until `close`, tells the thread of each cancelled job that is held here, and rings for work."""

    def __init__(self, client: redis.Redis, channels: Channels, leases: Leases, bell: Bell) -> None:
        super().__init__(name="calls", daemon=True)
        self.client = client
        self.channels = channels
        self.leases = leases
        self.bell = bell
        self.closing = threading.Event()

    def run(self) -> None:
        while not self.closing.is_set():
            try:
                self.listen()
            except redis.RedisError as error:
                log.warning("calls.disconnected", error=str(error))
                self.closing.wait(RECONNECT_S)

    def listen(self) -> None:
        with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]  # redis' own
            pubsub.subscribe(self.channels.cancels, self.channels.wakeups)
            while not self.closing.is_set():
                message = pubsub.get_message(timeout=LOOK_UP_S)
                if message is not None:
                    self.hear(message)

    def hear(self, message: Mapping[str, bytes]) -> None:
        if message["channel"].decode() == self.channels.wakeups:
            self.bell.ring()
        else:
            self.leases.signal_job(int(message["data"]), Signal.CANCEL)

    def close(self) -> None:
        self.closing.set()
