"""A wedged ComfyUI is restarted by the command that its operator has configured."""

import os
import shlex
import subprocess
import threading
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.texts.reasons import reason_of

log = structlog.get_logger(__name__)

WITHIN_S = 60
SHOWN = 2000  # characters of the command's output that are logged


Tell = Callable[[bool, str], None]  # whether it went well, and in words


class Restarter:
    """Runs the command, once for each call, with the server's URL in COMFYUI_URL."""

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)

    def __call__(self, server: str, tell: Tell) -> None:
        # In a thread of its own, so that the health probe does not wait for it.
        threading.Thread(target=self.run, args=[server, tell], name=f"restart-{server}", daemon=True).start()

    def run(self, server: str, tell: Tell) -> None:
        try:
            done = subprocess.run(
                self.command,
                env={**os.environ, "COMFYUI_URL": server},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=WITHIN_S,
                check=False,
            )
        except OSError as error:
            log.warning("server.not_restarted", server=server, error=str(error))
            went_well, said = False, f"the command could not be run: {reason_of(error)}"
        except subprocess.SubprocessError as error:
            log.warning("server.not_restarted", server=server, error=str(error))
            went_well, said = False, f"the command did not end within {WITHIN_S} s"
        else:
            output = done.stdout.decode(errors="replace")[-SHOWN:]
            log.info("server.restart_command_ended", server=server, status=done.returncode, output=output)
            went_well, said = done.returncode == 0, f"it ended with status {done.returncode}"
        try:
            tell(went_well, said)
        except SQLAlchemyError as error:
            log.warning("server.not_recorded", server=server, error=str(error))
