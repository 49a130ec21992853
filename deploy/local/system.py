"""The whole system on this machine: PostgreSQL, Valkey, a ComfyUI, the API, a worker and the scheduler."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api_service.accounts.keyring import Keyring
from api_service.refusals.refusal import Refusal
from deploy.local.environment import check, chosen
from deploy.local.ports import LOOPBACK, KeptPorts, free_ports, listens, start_on_a_free_port
from deploy.local.process import CannotStart, Command, NotInTime, Process, Processes, ProcessFailed
from deploy.local.servers import Servers, local_servers
from migrations.upgrade import upgrade
from shared.accounts.keys import KeyTerms, create_key
from shared.accounts.users import user_named
from shared.configuration.secrets.vault import Vault, new_key
from shared.configuration.settings import Settings, load_settings
from shared.configuration.types import as_shown
from shared.configuration.urls.listening import reached_at
from shared.database.engine import create_engine, transaction
from shared.models import Scope

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN_S = 60.0
USER = "local"  # the user that the key belongs to
FULL = (Scope.READ, Scope.WRITE, Scope.ADMIN)
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

    @property
    def is_simulated(self) -> bool:
        """Whether its ComfyUI is one without a model."""
        return "simulator" in self.processes


@dataclass(frozen=True)
class Plan:
    """How to run it: where its data and logs are kept, whether they outlast it, and which port the API is to have.

    What outlasts it has the same ports each time.
    """

    directory: Path
    durable: bool
    api_ports: Iterator[int]
    simulator_options: tuple[str, ...] = ()

    @property
    def kept_ports(self) -> KeptPorts | None:
        return KeptPorts(self.directory / "ports") if self.durable else None


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
    check(given)
    say("PostgreSQL and Valkey")
    with (
        local_servers(plan.directory, durable=plan.durable, environ=given, ports=plan.kept_ports) as servers,
        Processes() as processes,
    ):
        given |= {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
        given.setdefault("STORAGE_URL", (plan.directory / "outputs").as_uri())
        say("migrations")
        upgrade(servers.database_url)
        if "COMFYUI_URLS" not in given:
            say("a simulated ComfyUI (COMFYUI_URLS names real ones)")
            given["COMFYUI_URLS"] = start_simulator(processes, plan)
        given.setdefault("SECRETS_KEY_FILE", str(local_secrets_key(plan.directory)))
        settings = load_settings(given)
        key = local_key(settings, plan.directory)
        say(f"API, worker and scheduler, for ComfyUI at {as_shown(settings.comfyui_urls)}")
        api_url = start_services(processes, plan, given)
        yield System(f"{api_url}{settings.root_path}", key, settings, given, processes, servers, plan.directory)


def start_simulator(processes: Processes, plan: Plan) -> str:
    """Start a simulator, on the port of the last run where that is known. Its URL."""

    def start(port: int) -> tuple[str, int]:
        options = ("--port", str(port), *plan.simulator_options)
        simulator = processes.start(service(plan, "simulator", ("deploy.simulator", *options), None))
        simulator.wait_until(lambda: bool(LISTENING.search(simulator.tail())), within_s=READY_WITHIN_S)
        return LISTENING.findall(simulator.tail())[0], port

    kept = plan.kept_ports
    url, port = start_on_a_free_port(start, kept.of("simulator") if kept else free_ports())
    if kept:
        kept.keep("simulator", port)
    return url


def start_services(processes: Processes, plan: Plan, given: Mapping[str, str]) -> str:
    """Start API, worker and scheduler, and wait until a job would run. The API's URL."""
    for number, (name, module) in enumerate((("worker", "worker_service"), ("scheduler", "worker_service.scheduler"))):
        processes.start(service(plan, name, (module,), with_own_metrics(given, number + 1)))

    def start_api(port: int) -> tuple[Process, str]:
        host = given.get("API_HOST", LOOPBACK)
        environ = {**given, "API_HOST": host, "API_PORT": str(port)}
        api = processes.start(service(plan, "api", ("api_service",), environ))
        url = f"http://{reached_at(host)}:{port}"
        # Its own process, and not somebody else's service that answers there.
        api.wait_until(lambda: listens(api.pid, port) and status(f"{url}/health/live") == "ok", within_s=READY_WITHIN_S)
        return api, url

    api, url = start_on_a_free_port(start_api, plan.api_ports)

    def ready() -> bool:
        for process in processes:
            if not process.running:
                raise ProcessFailed(process.name, f"ended with code {process.wait(0)}", process.tail())
        return status(f"{url}/health/ready") == "ready"

    try:
        api.wait_until(ready, within_s=READY_WITHIN_S)
    except NotInTime as error:
        raise NotReady(url) from error
    return url


def with_own_metrics(given: Mapping[str, str], number: int) -> Mapping[str, str]:
    """The variables of a service beside the API, whose metrics, if any are shown, have the port so many after its."""
    port = given.get("METRICS_PORT")
    return {**given, "METRICS_PORT": str(int(port) + number)} if port else given


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
        with error:
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
        with error:
            return f"HTTP {error.code}"
    except OSError:
        return None


def local_key(settings: Settings, directory: Path) -> str:
    """A key of the user `local`, with every scope. One that was kept and is still good is used again."""
    engine = create_engine(settings, application="launcher", connections=1)
    kept = directory / "key"
    try:
        if kept.is_file() and is_good(Keyring(engine), token := kept.read_text().strip()):
            return token
        with transaction(engine) as session:
            made = create_key(session, user_named(session, USER).id, KeyTerms("made by the launcher", FULL))
        keep_secretly(kept, made.token)
        return made.token
    finally:
        engine.dispose()


def local_secrets_key(directory: Path) -> Path:
    """The file with the key that encrypts the secrets of jobs. One that was kept is used again."""
    kept = (directory / "secrets.key").absolute()
    if Vault(kept).problem():
        keep_secretly(kept, new_key())
    return kept


def keep_secretly(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # whatever its mode was
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)


def is_good(keyring: Keyring, token: str) -> bool:
    try:
        keyring.identify(f"Bearer {token}")
    except Refusal:
        return False
    return True
