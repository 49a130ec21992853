"""The whole system as many processes, each behind a link that can be troubled; whatever ends is started again."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from deploy.local.postgres import connected
from deploy.local.process import Process, Processes
from deploy.local.servers import Servers, local_servers
from deploy.local.system import Say, local_key
from migrations.upgrade import upgrade
from shared.configuration.settings import Settings, load_settings
from tests.chaos.follow_ups.receivers import Receivers, receivers
from tests.chaos.plan import APIS, SCHEDULERS, SIMULATORS, SLOTS, WORKERS, Plan
from tests.chaos.proxy import Link, links
from tests.chaos.services import named, start_services
from tests.chaos.strike import Strike
from tests.simulator.running import ArmedFault, RunningSimulator

KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
SUPERVISE_EVERY_S = 0.5
# A node that always fails: a job that skips layers of the text encoder has it.
FAILING_NODE = "CLIPSetLastLayer"
PACE: Mapping[str, float] = {"step_seconds": 0.1, "load_seconds": 0.2}


@dataclass(frozen=True)
class ComfyUI:
    """A simulator and the link to it. `name` is its URL as the workers know it."""

    simulator: RunningSimulator
    link: Link

    @property
    def name(self) -> str:
        return f"http://127.0.0.1:{self.link.port}"

    def kill(self) -> None:
        """End it at once, with its queue and history. Its link refuses, as a machine without it would."""
        self.link.refuse()
        self.simulator.kill()

    def start(self) -> None:
        """Start it again, and let nobody in before it fails what it is to fail."""
        self.simulator.restart()
        self.arm()
        self.link.listen()

    def arm(self) -> None:
        self.simulator.fault("node_error", node=FAILING_NODE, times=None)


@dataclass
class World:
    """What runs. `down` names the processes that are not to be started again for now."""

    plan: Plan
    settings: Settings  # as the services have them: through the links
    direct: Settings  # the same without the links
    key: str
    servers: Servers
    processes: Processes
    apis: list[str]
    comfyuis: dict[str, ComfyUI]
    receivers: Receivers
    links: dict[str, Link]
    down: set[str] = field(default_factory=set)
    armed: dict[Strike, ArmedFault] = field(default_factory=dict)  # by the strike that armed it
    refusals: dict[Strike, ExitStack] = field(default_factory=dict)  # by the strike that began it
    restarts: list[tuple[float, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and its children, as the freezer of containers does."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, number)

    def supervise(self, closing: threading.Event) -> None:
        """Start again whatever ended, until told to close."""
        while not closing.wait(SUPERVISE_EVERY_S):
            for process in self.processes:
                with self.lock:
                    if process.name not in self.down and not process.running:
                        self.restarts.append((time.time(), process.name))
                        self.processes.start(process.command)

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.direct.redis_url, socket_timeout=5)

    @property
    def store(self) -> Path:
        """The folder of the outputs."""
        return Path(self.settings.storage_url.removeprefix("file://"))

    def metrics_ports(self) -> dict[str, list[int]]:
        """Where the processes show their metrics, by kind of service."""
        found: dict[str, list[int]] = {}
        for process in self.processes:
            if port := (process.command.environ or {}).get("METRICS_PORT"):
                found.setdefault(process.name.partition("-")[0], []).append(int(port))
        return found

    def take_down(self, name: str) -> Process:
        """The process, which is not started again until `let_up`."""
        with self.lock:
            self.down.add(name)
            return self.processes[name]

    def let_up(self, name: str) -> None:
        with self.lock:
            self.down.discard(name)


@contextmanager
def running_world(plan: Plan, say: Say) -> Iterator[World]:
    """Everything, ready, for as long as the block lasts; all of it is stopped after it, whatever happened."""
    with ExitStack() as stack:
        say("PostgreSQL and Valkey")
        servers = stack.enter_context(local_servers(plan.directory, durable=False, environ={}))
        assert servers.postgres is not None
        assert servers.valkey is not None
        # What is thrown away is not synced to disk; but a commit must outlive the server's own death, as it does where
        # data count. Without this the account finds the jobs that were run again because their ends were forgotten.
        with connected(servers.database_url) as connection, connection.cursor() as cursor:
            cursor.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = on")
        upgrade(servers.database_url)
        make_link = stack.enter_context(links())
        say(f"{SIMULATORS} simulators")
        comfyuis = {name: stack.enter_context(comfyui(plan, name, make_link)) for name in named("comfyui", SIMULATORS)}
        troubled = {"postgres": make_link(servers.postgres.port), "redis": make_link(servers.valkey.port)}
        told = stack.enter_context(receivers(make_link))
        direct = variables(plan, servers, comfyuis) | told.variables
        linked = direct | {
            "DATABASE_URL": through(direct["DATABASE_URL"], servers.postgres.port, troubled["postgres"]),
            "REDIS_URL": through(direct["REDIS_URL"], servers.valkey.port, troubled["redis"]),
        }
        key = local_key(load_settings(direct), plan.directory)
        say(f"{APIS} APIs, {WORKERS} workers, {SCHEDULERS} schedulers")
        processes = stack.enter_context(Processes())
        stack.callback(resume, processes)
        apis = start_services(processes, plan, linked)
        yield World(
            plan=plan,
            settings=load_settings(linked),
            direct=load_settings(direct),
            key=key,
            servers=servers,
            processes=processes,
            apis=apis,
            comfyuis=comfyuis,
            receivers=told,
            links=troubled | told.links | {name: comfyui.link for name, comfyui in comfyuis.items()},
        )


@contextmanager
def comfyui(plan: Plan, name: str, make_link: Callable[[int], Link]) -> Iterator[ComfyUI]:
    """A simulator with folders of its own, which outlast its kills."""
    root = plan.directory / name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    simulator = RunningSimulator(root, {"draw": "flat", **PACE})
    try:
        simulator.start()
        made = ComfyUI(simulator, make_link(simulator.port))
        made.arm()
        yield made
    finally:
        simulator.resume()
        simulator.stop()


def variables(plan: Plan, servers: Servers, comfyuis: Mapping[str, ComfyUI]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return kept | {
        "APP_ENV": "test",
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "STORAGE_URL": (plan.directory / "outputs").as_uri(),
        "COMFYUI_URLS": ",".join(comfyui.name for comfyui in comfyuis.values()),
        "COMFYUI_SLOTS": str(SLOTS),
        "COMFYUI_RESTART_COMMAND": restart_command(plan.directory),
        "STALL_TIMEOUT": "30s",  # no node here is silent for so long
        "WORKER_MAX_MESSAGES": "60",  # each worker starts afresh by itself a few times
        "LIMIT_REQUESTS_PER_MINUTE": "none",
        "LIMIT_SUBMISSIONS_PER_HOUR": "none",
        **plan.variables,
    }


def restart_command(directory: Path) -> str:
    """The command that a worker runs for a server whose thread has died: see `tests.chaos.operator`."""
    return f"""sh -c 'echo "$COMFYUI_URL" >> "{requests_in(directory)}"'"""


def requests_in(directory: Path) -> Path:
    return directory / "restarts"


def through(url: str, port: int, link: Link) -> str:
    """The same server's URL by way of a link."""
    return url.replace(f"127.0.0.1:{port}", f"127.0.0.1:{link.port}")


def resume(processes: Processes) -> None:
    """A process that was stopped by SIGSTOP does not heed the signal that ends it."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
