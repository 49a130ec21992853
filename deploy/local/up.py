"""The system runs until it is stopped, and says in lines to paste what one can do with it."""

import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.cluster import hold
from deploy.local.demo import first_checkpoint
from deploy.local.environment import chosen, settings_before
from deploy.local.ports import free_ports, must_be_free
from deploy.local.process import Process, ProcessFailed
from deploy.local.programs import POSTGRES, Places, ProgramMissing, find
from deploy.local.system import REPOSITORY, USER, Plan, Say, System, running_system
from shared.accounts.browsers import create_code, link_with
from shared.accounts.users import user_named
from shared.configuration.settings import Settings, environment, read
from shared.configuration.types import as_shown
from shared.database.engine import create_engine, transaction
from shared.models import Scope
from shared.outgoing.trust import trust

KEPT = REPOSITORY / "var" / "up"
LOOK_S = 1.0
SOON_S = 10.0  # what ends so soon after its start ...
TIMES = 5  # in a row, after which it is not started again


def up(directory: Path | None, say: Say, is_stopping: Callable[[], bool]) -> None:
    """Run the system until interrupted. Raises CannotStart, also for what does not stay up."""
    print("Genonaut Generation\n\nStarting")
    environ = environment()
    directory = directory or KEPT
    settings = settings_before(chosen(environ))
    with ExitStack() as stack:
        # First: a second start in the same folder must not be told to change ports.
        stack.callback(os.close, hold(directory))
        plan = Plan(directory, durable=True, api_ports=api_ports(settings, environ))
        system = stack.enter_context(running_system(plan, environ, say))
        print(addresses(system))
        print(lines_to_paste(system))
        print(link(system))
        keep_running(system, say, is_stopping)


def api_ports(settings: Settings, environ: dict[str, str]) -> Iterator[int]:
    """The port that API_PORT names, or any for 0. Raises PortTaken."""
    if not settings.api_port:
        return free_ports()
    _, _, sources = read({"APP_ENV": "demo", **environ})
    must_be_free(settings.api_port, settings.api_host, sources.get("api_port", "API_PORT"))
    return repeat(settings.api_port, 3)


def addresses(system: System) -> str:
    comfyui = as_shown(system.settings.comfyui_urls)
    simulated = "  (simulated: it has no model and paints by rule)" if system.is_simulated else ""
    return f"""
Running until Ctrl-C.

  API         {system.api_url}
  docs        {system.api_url}/docs
  health      {system.api_url}/health/ready
  key         {system.key}  (of the user `{USER}`; it may do everything)
  ComfyUI     {comfyui}{simulated}
  PostgreSQL  {for_psql(system.servers.database_url)}
  Redis       {system.settings.redis_url}
  logs        {system.logs}/*.log
  data        {" and ".join(map(str, data_folders(system)))}"""


def link(system: System) -> str:
    """A link that signs one browser in as the user of this system."""
    engine = create_engine(system.settings, application="launcher", connections=1)
    try:
        with transaction(engine) as session:
            code = create_code(session, user_named(session, USER).id, [Scope.ADMIN])
    finally:
        engine.dispose()
    return LINK.format(link=link_with(system.api_url, code), another=another_link(system))


def another_link(system: System) -> str:
    """The command that makes one more. It has the port in front, which is no variable for other commands: a service
    that is started with these would want it for itself."""
    port = urlsplit(system.api_url).port
    before = "" if port == Settings.model_fields["api_port"].default else f"API_PORT={port} "
    return f"{before}{python()} -m api_service.accounts.keys link --user {USER} --scope admin"


LINK = """
Or make it in a browser. This link signs one in, once, within ten minutes:

  {link}

  Another: in a shell with the lines above, {another}
"""


def data_folders(system: System) -> list[Path]:
    """Where what outlasts this run is: its folder, and for root often another that PostgreSQL's account can enter."""
    postgres = system.servers.postgres
    elsewhere = [postgres.cluster.home] if postgres and not postgres.cluster.home.is_relative_to(system.logs) else []
    return [system.logs, *elsewhere]


def lines_to_paste(system: System) -> str:
    checkpoint, _ = first_checkpoint(system.settings.comfyui_urls, trust(system.settings.ca_file))
    note = (
        ""
        if checkpoint
        else "\n  # No server has a checkpoint yet: put one into its models/checkpoints, and its name here.\n"
    )
    body = f'{{"prompt": "a lighthouse at dusk", "checkpoint_model": "{checkpoint or "NAME.safetensors"}"}}'
    inside = [*exports(system), f"make redis-keys-{system.settings.app_env}"]
    inside.append(f"{python()} -m api_service.accounts.keys list")
    if psql := psql_command():
        inside.append(f"{psql} \"$DATABASE_URL\" -c 'SELECT id, status, prompt FROM generation_jobs ORDER BY id'")
    return PASTE.format(
        url=system.api_url,
        key=system.key,
        note=note,
        body=shlex.quote(body),
        folder=REPOSITORY,
        inside="\n  ".join(inside),
    )


PASTE = """
Make a picture: paste this into another shell.
{note}
  export KEY={key}
  curl -sS {url}/api/v1/generation-jobs/ -o job.json \\
      -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -H 'Prefer: wait=60' \\
      -d {body}
  PICTURE=$(sed 's/.*"url":"\\([^"]*\\)".*/\\1/' job.json)
  curl -fsS "$PICTURE" -o picture.png
  echo "picture.png has $(wc -c < picture.png) bytes"

Look inside: paste this into a shell in {folder}.

  {inside}
"""


def exports(system: System) -> list[str]:
    """The variables with which commands and services work on this very system."""
    fields = [field.upper() for field in Settings.model_fields if field not in {"api_host", "api_port"}]
    values = {name: system.environ[name] for name in fields if name in system.environ}
    if any("@" in url for url in system.settings.comfyui_urls):
        del values["COMFYUI_URLS"]  # no command below needs it, and it has a password
    values["DATABASE_URL"] = for_psql(system.servers.database_url)
    return [f"export {name}={shlex.quote(value)}" for name, value in values.items()]


def for_psql(url: str) -> str:
    """A URL of PostgreSQL as psql takes it, too."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def python() -> str:
    """The command that runs this Python, as short as it works in the repository."""
    path = Path(sys.executable)
    return shlex.quote(str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path))


def psql_command() -> str | None:
    """psql, or the one that came with the server's wheel."""
    if shutil.which("psql"):
        return "psql"
    try:
        path = find(POSTGRES, Places.of(os.environ)).executable.with_name("psql")
    except ProgramMissing:
        return None
    return shlex.quote(str(path)) if path.exists() else None


def keep_running(system: System, say: Say, is_stopping: Callable[[], bool]) -> None:
    """Start again whatever ends, as a supervisor of containers does. Raises ProcessFailed for what does not stay up."""
    servers = [server for server in (system.servers.postgres, system.servers.valkey) if server]
    soon: Counter[str] = Counter()
    while not is_stopping():
        time.sleep(LOOK_S)
        for server in servers:
            if not server.process.running:
                tell_end(server.process, soon, say)
                server.restart()
        for process in system.processes:
            if not process.running:
                tell_end(process, soon, say)
                system.processes.start(process.command)


def tell_end(process: Process, soon: Counter[str], say: Say) -> None:
    """Say that it ended. Raises ProcessFailed if that was too often soon after its start."""
    code = process.wait(0)
    if time.monotonic() > process.started_at + SOON_S:
        soon[process.name] = 0
    soon[process.name] += 1
    if soon[process.name] >= TIMES:
        raise ProcessFailed(process.name, f"ended {TIMES} times in a row soon after its start", process.tail())
    say(f"{process.name} ended with code {code} and is started again; its log: {process.command.log}")
