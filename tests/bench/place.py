"""Where benches run: real servers, and real processes of ours, started for one bench and stopped after it."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx
from sqlalchemy import Engine

from deploy.local.ports import free_ports
from deploy.local.process import Command, Process, Processes
from deploy.local.servers import Servers
from deploy.local.system import local_key
from migrations.upgrade import upgrade
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import create_engine
from shared.messaging.messenger import Messenger
from shared.messaging.opening import open_messenger

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN_S = 60.0
ENDED = 1_000_000  # jobs that `ended` compares with 100,000
LISTENING = re.compile(r"listening on (http://\S+)")
KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Running:
    """A system that a bench measures. `messenger` is the bench's own way to its database and its Redis."""

    settings: Settings
    key: str
    apis: Sequence[str]
    simulators: Sequence[str]
    processes: Processes
    messenger: Messenger

    @property
    def engine(self) -> Engine:
        return self.messenger.engine

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.apis[0], headers=self.headers, timeout=30)


@dataclass(frozen=True)
class Wanted:
    """How many of each to run, and how: options for each simulator, variables for the services."""

    apis: int = 1
    workers: int = 1
    scheduler: bool = True
    simulators: Sequence[tuple[str, ...]] = ((),)
    variables: Mapping[str, str] = field(default_factory=dict)


class Place:
    """One PostgreSQL and one Valkey for all benches; each system gets a database and a namespace of its own."""

    def __init__(
        self, servers: Servers, folder: Path, *, short: bool, comfyui: str | None = None, ended: int = ENDED
    ) -> None:
        """`comfyui` is the URL of a server that takes the place of a single simulator; `ended` is how many jobs there
        are at most."""
        self.comfyui = comfyui
        self.ended = ended
        self.servers = servers
        self.folder = folder
        self.short = short
        self.numbers = count(1)
        self.ports = free_ports()

    def few(self, many: int, few: int) -> int:
        """So many in a full run, so few in a short one."""
        return few if self.short else many

    @contextmanager
    def system(self, wanted: Wanted) -> Iterator[Running]:
        """Run a system until the block ends."""
        name = f"bench_{os.getpid()}_{next(self.numbers)}"
        folder = self.folder / name
        with Processes() as processes:
            simulators = self.start_simulators(processes, folder, wanted.simulators)
            environ = self.environ(name, folder, simulators, wanted.variables)
            upgrade(environ["DATABASE_URL"])
            settings = load_settings(environ)
            key = local_key(settings, folder)
            messenger = messenger_of(settings)
            try:
                for number in range(wanted.workers):
                    self.start(processes, folder, f"worker-{number}", "worker_service", environ)
                if wanted.scheduler:
                    self.start(processes, folder, "scheduler", "worker_service.scheduler", environ)
                apis = self.start_apis(processes, folder, wanted.apis, environ)
                if apis and wanted.workers:
                    wait_until(lambda: ready(apis[0]) == "ready")
                yield Running(settings, key, apis, simulators, processes, messenger)
            finally:
                messenger.engine.dispose()
                messenger.close()
                for process in processes:
                    process.kill()  # nobody needs what they have, and to stop in good order takes Dramatiq two seconds
        self.servers.drop_database(name)

    def environ(self, name: str, folder: Path, simulators: Sequence[str], changes: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            "APP_ENV": "test",
            "DATABASE_URL": self.servers.create_database(name),
            "REDIS_URL": self.servers.redis(3),
            "REDIS_NS": name,
            "COMFYUI_URLS": ",".join(simulators) or "http://127.0.0.1:9",
            "STORAGE_URL": (folder / "outputs").as_uri(),
            "LOG_LEVEL": "warning",
            "COMFYUI_KEEP_HISTORY": "true",  # some benches read there when a prompt ended
            "LIMIT_REQUESTS_PER_MINUTE": "none",
            "LIMIT_SUBMISSIONS_PER_HOUR": "none",
            "LIMIT_QUEUED_JOBS": "none",
            "LIMIT_OPEN_STREAMS": "none",
            **changes,
        }

    def start(self, processes: Processes, folder: Path, name: str, module: str, environ: Mapping[str, str]) -> Process:
        arguments = (sys.executable, "-m", *module.split())
        return processes.start(
            Command(name=name, arguments=arguments, log=folder / f"{name}.log", cwd=REPOSITORY, environ=environ)
        )

    def start_apis(self, processes: Processes, folder: Path, apis: int, environ: Mapping[str, str]) -> list[str]:
        """Start so many APIs side by side. Returns their URLs once they answer."""
        started = {}
        for number in range(apis):
            port = str(next(self.ports))
            api = self.start(processes, folder, f"api-{number}", "api_service", {**environ, "API_PORT": port})
            started[f"http://127.0.0.1:{port}"] = api
        for url, api in started.items():
            api.wait_until(lambda url=url: ready(url) is not None, within_s=READY_WITHIN_S)  # type: ignore[misc]
        return list(started)

    def start_simulators(self, processes: Processes, folder: Path, wanted: Sequence[tuple[str, ...]]) -> list[str]:
        """Start simulators side by side, each with its options. Returns their URLs once they listen."""
        if self.comfyui and len(wanted) == 1:
            return [self.comfyui]
        started = []
        for number, options in enumerate(wanted):
            name = f"simulator-{number}"
            command = (sys.executable, "-m", "deploy.simulator", "--port", "0", *options)
            log = folder / f"{name}.log"
            started.append(processes.start(Command(name=name, arguments=command, log=log, cwd=REPOSITORY)))
        for simulator in started:
            simulator.wait_until(lambda one=simulator: bool(address_of(one)), within_s=READY_WITHIN_S)  # type: ignore[misc]
        return [address_of(simulator) for simulator in started]


def messenger_of(settings: Settings) -> Messenger:
    engine = create_engine(settings, application="bench", connections=32)
    return open_messenger(engine, settings)


def address_of(simulator: Process) -> str:
    """Where a simulator says that it listens; empty until it does."""
    found = LISTENING.search(simulator.tail())
    return found[1] if found else ""


def ready(url: str) -> str | None:
    try:
        # Without certificates: reading them takes longer than a service needs to start.
        return str(httpx.get(f"{url}/health/ready", timeout=2, verify=False).json()["status"])
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def wait_until(holds: Callable[[], bool], within_s: float = READY_WITHIN_S, *, every_s: float = 0.02) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("a bench's system did not come about")
        time.sleep(every_s)
