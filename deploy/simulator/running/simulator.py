"""The parts of one simulated server, built once and handed to whoever needs them."""

import collections
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.simulator.faults.fault_book import FaultBook
from deploy.simulator.faults.hazards import Hazards
from deploy.simulator.messages.sockets import Sockets
from deploy.simulator.nodes.catalogue import catalogue
from deploy.simulator.nodes.folders import Folders
from deploy.simulator.nodes.interface import Drawing, Node, Stock
from deploy.simulator.protocol.versions import Spoken
from deploy.simulator.running.ledger import Ledger
from deploy.simulator.running.pace import Dial, Pace
from deploy.simulator.running.prompt_queue import PromptQueue
from deploy.simulator.running.prompt_run import Surroundings
from deploy.simulator.running.server_log import ServerLog
from deploy.simulator.running.worker import Worker


@dataclass(frozen=True)
class Settings:
    """What one server is started with."""

    folders: Folders
    checkpoints: tuple[str, ...]
    loras: tuple[str, ...]
    embeddings: tuple[str, ...]
    pace: Pace
    drawing: Drawing
    journal: Path | None
    protocol: str
    base_path: str


@dataclass(frozen=True)
class Simulator:
    """A server without its HTTP surface."""

    stock: Stock
    dial: Dial
    faults: FaultBook
    hazards: Hazards
    ledger: Ledger
    queue: PromptQueue
    sockets: Sockets
    worker: Worker
    interrupted: threading.Event
    leave: Callable[[int], None]
    counter: "Counter"
    moments: "Moments"
    spoken: Spoken
    log: ServerLog

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The classes of the version in force."""
        return catalogue(saving_nodes_give=self.spoken.protocol.saving_nodes_give)


@dataclass
class Counter:
    """Numbers prompts in the order they come, and counts requests by method and kind; starts anew with the server."""

    upcoming: int = 0
    requests: collections.Counter[str] = field(default_factory=collections.Counter)

    def next(self) -> int:
        number = self.upcoming
        self.upcoming += 1
        return number


@dataclass
class Moments:
    """When prompts came, in milliseconds since 1970. Each is later than the one before.

    Lists of jobs are sorted by it, and no two prompts of the recordings came within one millisecond. Here they do.
    """

    clock: Callable[[], float] = time.time
    last: int = 0

    def next(self) -> int:
        self.last = max(round(self.clock() * 1000), self.last + 1)
        return self.last


def build(settings: Settings, leave: Callable[[int], None]) -> Simulator:
    """Called in the event loop that will serve; the worker is yet to be started."""
    faults, ledger, dial = FaultBook(), Ledger(settings.journal), Dial(settings.pace, settings.pace)
    hazards, interrupted = Hazards(faults, leave), threading.Event()
    stock = Stock(settings.checkpoints, settings.loras, settings.folders, settings.embeddings)
    spoken = Spoken(settings.protocol, settings.protocol)
    sockets = Sockets(faults, spoken, lambda: queue.remaining)
    queue = PromptQueue(sockets.announce_queue)
    log = ServerLog()
    around = Surroundings(spoken, stock, settings.drawing, dial, hazards, ledger, interrupted, log)
    return Simulator(
        stock=stock,
        dial=dial,
        faults=faults,
        hazards=hazards,
        ledger=ledger,
        queue=queue,
        sockets=sockets,
        worker=Worker(queue, sockets, faults, around),
        interrupted=interrupted,
        leave=leave,
        counter=Counter(),
        moments=Moments(),
        spoken=spoken,
        log=log,
    )
