"""Cancels come over Redis, so that they reach ComfyUI in milliseconds; the next heartbeat brings those Redis lost."""

import threading

import redis
import structlog

from shared.events import Channels
from worker_service.leases import Leases
from worker_service.mailbox import Signal

log = structlog.get_logger(__name__)

LOOK_UP_S = 1.0
RECONNECT_S = 1.0


class Cancels(threading.Thread):
    """Listens until `close`, and tells the thread of each cancelled job that is held here."""

    def __init__(self, client: redis.Redis, channels: Channels, leases: Leases) -> None:
        super().__init__(name="cancels", daemon=True)
        self.client = client
        self.channel = channels.cancels
        self.leases = leases
        self.closing = threading.Event()

    def run(self) -> None:
        while not self.closing.is_set():
            try:
                self.listen()
            except redis.RedisError as error:
                log.warning("cancels.disconnected", error=str(error))
                self.closing.wait(RECONNECT_S)

    def listen(self) -> None:
        with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]  # redis' own
            pubsub.subscribe(self.channel)
            while not self.closing.is_set():
                message = pubsub.get_message(timeout=LOOK_UP_S)
                if message is not None:
                    self.leases.signal_job(int(message["data"]), Signal.CANCEL)

    def close(self) -> None:
        self.closing.set()
