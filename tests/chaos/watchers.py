"""Watchers follow a job over WebSockets as clients should: where a stream breaks off they open another, to its end."""

import itertools
import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import connect

from shared.models import FINAL

AT_ONCE = 12
EVERY = 4  # so many jobs have one watcher
OPEN_WITHIN_S = 5.0
SILENT_S = 15.0  # then a watcher asks another API
PAUSE_S = 0.5
PATIENCE_S = 600.0


@dataclass
class Watched:
    """What one watcher heard. Each stream: the count in its snapshot, then its events as (type, sequence)."""

    job_id: int
    streams: list[list[tuple[str, int]]] = field(default_factory=list)
    ended: str | None = None  # with which status it was told that the job has ended


class Watchers:
    """Follows some of the jobs, each in a thread."""

    def __init__(self, apis: Sequence[str], key: str, closing: threading.Event) -> None:
        self.apis = itertools.cycle(api.replace("http", "ws", 1) for api in apis)
        self.headers = {"Authorization": f"Bearer {key}"}
        self.closing = closing
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="watcher")
        self.underway: list[Future[Watched]] = []

    def watch(self, job_id: int) -> None:
        """Follow this job, unless it is one of those that nobody watches."""
        if job_id % EVERY == 0:
            self.underway.append(self.pool.submit(self.follow, Watched(job_id)))

    def all_heard(self) -> list[Watched]:
        """What every watcher heard, once it was told the end or has tried for too long."""
        heard = [done.result() for done in self.underway]
        self.pool.shutdown()
        return heard

    def follow(self, watched: Watched) -> Watched:
        deadline = time.monotonic() + PATIENCE_S
        while watched.ended is None and time.monotonic() < deadline and not self.closing.is_set():
            address = f"{next(self.apis)}/ws/jobs/{watched.job_id}"
            try:
                self.listen(watched, address)
            except (OSError, WebSocketException, TimeoutError):
                self.closing.wait(PAUSE_S)
        return watched

    def listen(self, watched: Watched, address: str) -> None:
        """One stream, until it ends, breaks off, or says nothing for too long."""
        stream: list[tuple[str, int]] = []
        with connect(address, additional_headers=self.headers, open_timeout=OPEN_WITHIN_S, close_timeout=1) as socket:
            watched.streams.append(stream)
            try:
                while True:
                    event = json.loads(socket.recv(timeout=SILENT_S))
                    if event.get("sequence") is not None:
                        stream.append((event["type"], event["sequence"]))
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.reason in FINAL:
                    watched.ended = closed.rcvd.reason
                raise
