"""`python -m deploy.local demo` runs one job and stops; `python -m deploy.local up` runs until Ctrl-C."""

import argparse
import signal
import sys
import tempfile
from itertools import repeat
from pathlib import Path
from types import FrameType
from typing import NoReturn

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from deploy.local.demo import first_checkpoint, run_one_job
from deploy.local.errors import CannotStart
from deploy.local.parent import end_with_parent
from deploy.local.ports import free_ports
from deploy.local.system import REPOSITORY, Plan, keep_running, running_system
from shared.configuration.settings import SettingsError, environment, load_settings

PICTURES = REPOSITORY / "build" / "demo"
KEPT = REPOSITORY / "var" / "up"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("deed", choices=["demo", "up"])
    parser.add_argument(
        "--directory", type=Path, help="where data and logs are kept (up: var/up; demo: a temporary folder)"
    )
    parser.add_argument("--end-with-parent", action="store_true", help="stop when whoever started this is gone")
    arguments = parser.parse_args()
    deed = demo if arguments.deed == "demo" else up
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if arguments.end_with_parent:
        end_with_parent()
    try:
        deed(arguments.directory)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except (CannotStart, CommandError, SettingsError, SQLAlchemyError) as error:
        sys.exit(f"\n{error}")


def stop(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave by an exception, so that every `with` block stops what it started."""
    sys.exit(128 + number)


def demo(directory: Path | None) -> None:
    print("Genonaut Generation: one job through the whole system\n\nStarting")
    with tempfile.TemporaryDirectory(prefix="genonaut-demo-") as temporary:
        plan = Plan(directory or Path(temporary), durable=False, api_ports=free_ports())
        with running_system(plan, environment(), say) as system:
            run_one_job(system, PICTURES)
    print("\nEverything that was started is stopped again. 'make up' keeps it running.")


def up(directory: Path | None) -> None:
    print("Genonaut Generation\n\nStarting")
    environ = environment()
    port = load_settings({**environ, "APP_ENV": environ.get("APP_ENV") or "demo"}).api_port
    plan = Plan(directory or KEPT, durable=True, api_ports=repeat(port) if port else free_ports())
    with running_system(plan, environ, say) as system:
        checkpoint = first_checkpoint(system.settings.comfyui_urls[0])
        said = ADDRESSES.format(url=system.api_url, key=system.key, logs=system.logs, checkpoint=checkpoint)
        print(said, flush=True)
        keep_running(system, say)


ADDRESSES = """
Running until Ctrl-C:

  API      {url}
  key      {key}   (of the user `local`; every scope)
  health   {url}/health/ready
  logs     {logs}/*.log

Try it:

  curl {url}/api/v1/generation-jobs/ \\
      -H 'Authorization: Bearer {key}' \\
      -H 'Content-Type: application/json' \\
      -d '{{"prompt": "a lighthouse at dusk", "checkpoint_model": "{checkpoint}"}}'
"""


def say(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    main()
