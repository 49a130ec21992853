"""The whole system on this machine: PostgreSQL, Valkey, a ComfyUI, the API, a worker and the scheduler."""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import preconditions
from deploy.local.credentials import local_key
from deploy.local.errors import CannotStart
from deploy.local.ports import start_on_a_free_port
from deploy.local.process import Command, Process, Processes, ProcessFailed
from deploy.local.servers import Servers, local_servers
from migrations.upgrade import upgrade
from shared.configuration.settings import Settings, load_settings, read
from shared.configuration.types import as_shown

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN_S = 60.0
LISTENING = re.compile(r"listening on (http://\S+)")

Say = Callable[[str], None]


@dataclass(frozen=True)
class System:
    """What runs, where, and a key that may do everything. `environ` is what its services were started with."""

    api_url: str
    key: str
    settings: Settings
    environ: Mapping[str, str]
    processes: Processes
    servers: Servers
    logs: Path


@dataclass(frozen=True)
class Plan:
    """How to run it: where its data and logs are kept, whether they outlast it, and which port the API is to have."""

    directory: Path
    durable: bool
    api_ports: Iterator[int]
    simulator_options: tuple[str, ...] = ()


class NotReady(CannotStart):
    """The services run, and yet a job would not."""

    def __init__(self, url: str) -> None:
        lacking = [f"{name}: {part['detail']}" for name, part in health(url).items() if not part["ok"]]
        super().__init__(f"Not ready after {READY_WITHIN_S:.0f} s: {'; '.join(lacking) or 'no answer'}")


@contextmanager
def running_system(plan: Plan, environ: Mapping[str, str], say: Say) -> Iterator[System]:
    """Everything, ready, for as long as the block lasts; what the environment names is used instead of started.

    `say` hears what is being started. Raises SettingsError and CannotStart, before anything is started where that
    can be, and ProcessFailed with the end of the log of whatever did not come up.
    """
    given = chosen(environ)
    preconditions.check(given)
    say("PostgreSQL and Valkey")
    with local_servers(plan.directory, durable=plan.durable, environ=given) as servers, Processes() as processes:
        given |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        given.setdefault("STORAGE_URL", (plan.directory / "outputs").as_uri())
        say("migrations")
        upgrade(servers.database_url)
        if "COMFYUI_URLS" not in given:
            say("a simulated ComfyUI (COMFYUI_URLS names real ones)")
            given["COMFYUI_URLS"] = start_simulator(processes, plan)
        settings = load_settings(given)
        key = local_key(settings, plan.directory)
        say(f"API, worker and scheduler, for ComfyUI at {as_shown(settings.comfyui_urls)}")
        api_url = start_services(processes, plan, given)
        yield System(api_url, key, settings, given, processes, servers, plan.directory)


def chosen(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for the services, with what holds for APP_ENV (demo, unless it says so) under its plain name."""
    app_env, values, _ = read({"APP_ENV": "demo", **environ})
    suffix = f"_{app_env}".upper()
    rest = {
        name: value
        for name, value in environ.items()
        if name.removesuffix(suffix).lower() not in Settings.model_fields  # also those that are empty, so unset
    }
    return {**rest, **{field.upper(): value for field, value in values.items()}, "APP_ENV": app_env}


def start_simulator(processes: Processes, plan: Plan) -> str:
    """Start a simulator. Its URL."""
    command = service(plan, "simulator", ("deploy.simulator", "--port", "0", *plan.simulator_options), None)
    simulator = processes.start(command)
    found: list[str] = []

    def listening() -> bool:
        found[:] = LISTENING.findall(simulator.tail())
        return bool(found)

    simulator.wait_until(listening, within_s=READY_WITHIN_S)
    return found[0]


def start_services(processes: Processes, plan: Plan, given: Mapping[str, str]) -> str:
    """Start API, worker and scheduler, and wait until a job would run. The API's URL."""
    for name, module in (("worker", "worker_service"), ("scheduler", "worker_service.scheduler")):
        processes.start(service(plan, name, (module,), given))

    def start_api(port: int) -> tuple[Process, str]:
        host = given.get("API_HOST", "127.0.0.1")
        environ = {**given, "API_HOST": host, "API_PORT": str(port)}
        api = processes.start(service(plan, "api", ("api_service",), environ))
        url = f"http://{host}:{port}"
        api.wait_until(lambda: status(f"{url}/health/live") == "ok", within_s=READY_WITHIN_S)
        return api, url

    api, url = start_on_a_free_port(start_api, plan.api_ports)
    try:
        api.wait_until(lambda: status(f"{url}/health/ready") == "ready", within_s=READY_WITHIN_S)
    except ProcessFailed as error:
        raise next(filter(None, map(ended, processes)), NotReady(url)) from error
    return url


def ended(process: Process) -> ProcessFailed | None:
    """How a process ended that should be running, with the end of its log."""
    if process.running:
        return None
    return ProcessFailed(process.command.name, f"ended with code {process.wait(0)}", process.tail())


def service(plan: Plan, name: str, module: tuple[str, ...], environ: Mapping[str, str] | None) -> Command:
    return Command(
        name=name,
        arguments=(sys.executable, "-m", *module),
        log=plan.directory / f"{name}.log",
        cwd=REPOSITORY,
        environ=environ,
    )


def health(api_url: str) -> dict[str, Any]:
    """The parts that /health/ready tells of; none if it does not answer."""
    try:
        with urllib.request.urlopen(f"{api_url}/health/ready", timeout=2) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        body = error.read()
    except OSError:
        return {}
    return {name: part for name, part in json.loads(body).items() if isinstance(part, dict)}


def status(url: str) -> str | None:
    """What a health page says; None where it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return str(json.load(answer)["status"])
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError:
        return None


def keep_running(system: System, say: Say) -> None:
    """Start again whatever ends, as a supervisor of containers does, until interrupted."""
    servers = [server for server in (system.servers.postgres, system.servers.valkey) if server]
    while True:
        time.sleep(1)
        for server in servers:
            if not server.process.running:
                say(f"{server.process.name} ended with code {server.process.wait(0)} and is started again")
                server.restart()
        for process in system.processes:
            if not process.running:
                say(f"{process.name} ended with code {process.wait(0)} and is started again")
                system.processes.start(process.command)
