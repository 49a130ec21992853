"""Redis signals workers that a job was cancelled, that there is work, and that a prompt has ended. All are only faster.

A missed cancel comes with the next heartbeat; a message is found at the next look into its queue, and the end of a
prompt at the next into the history.
"""

import threading
from collections.abc import Callable, Mapping

import redis
import structlog

from shared.messaging.events import Channels

log = structlog.get_logger(__name__)

LOOK_UP_S = 1.0  # how long `close` may take to be noticed
RECONNECT_S = 1.0


class SignalListener(threading.Thread):
    """Listens until `close`. Calls `cancel` with the id of each cancelled job, `wake` with the queue in which there is
    work (older senders do not say which), and `look` with the id of each prompt that is said to have ended."""

    def __init__(
        self,
        client: redis.Redis,
        channels: Channels,
        *,
        cancel: Callable[[int], None],
        wake: Callable[[str], None],
        look: Callable[[str], None] = lambda _prompt_id: None,
    ) -> None:
        super().__init__(name="signals", daemon=True)
        self.client = client
        self.channels = channels
        self.cancel = cancel
        self.wake = wake
        self.look = look
        self.closing = threading.Event()

    def run(self) -> None:
        while not self.closing.is_set():
            try:
                self.listen()
            except redis.RedisError as error:
                log.warning("signals.disconnected", error=str(error))
                self.closing.wait(RECONNECT_S)

    def listen(self) -> None:
        with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]  # redis' own
            pubsub.subscribe(self.channels.cancels, self.channels.wakeups, self.channels.looks)
            while not self.closing.is_set():
                message = pubsub.get_message(timeout=LOOK_UP_S)
                if message is not None:
                    self.hear(message)

    def hear(self, message: Mapping[str, bytes]) -> None:
        channel, data = message["channel"].decode(), message["data"]
        if channel == self.channels.wakeups:
            self.wake(data.decode())
        elif channel == self.channels.looks:
            self.look(data.decode(errors="replace"))
        else:
            self.cancel(int(data))

    def close(self) -> None:
        self.closing.set()
