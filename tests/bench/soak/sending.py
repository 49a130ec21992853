"""Jobs are sent at a steady pace, whatever becomes of them."""

import threading
import time
from itertools import count

import httpx

from tests.bench.place import Running
from tests.bench.waiting import submit


class Sender(threading.Thread):
    """Sends so many jobs a second until it is closed, and counts what was accepted and what was not."""

    def __init__(self, here: Running, a_second: float) -> None:
        super().__init__(daemon=True)
        self.here = here
        self.pause_s = 1 / a_second
        self.closing = threading.Event()
        self.accepted = 0
        self.refused: list[str] = []

    def run(self) -> None:
        began = time.monotonic()
        with self.here.client() as http:
            for number in count(1):
                # One that falls behind goes on at once, and does not send fewer.
                if self.closing.wait(max(0.0, began + number * self.pause_s - time.monotonic())):
                    return
                self.send(http, number)

    def send(self, http: httpx.Client, number: int) -> None:
        try:
            submit(http, 1, number)
        except httpx.HTTPError as error:
            self.refused.append(str(error))
        else:
            self.accepted += 1
