"""How the simulator's process is given its options, and what it says first."""

import selectors
import subprocess
from collections.abc import Sequence
from pathlib import Path

Option = str | float | bool | Path | Sequence[str] | None
START_SECONDS = 60.0


def option(flag: str, value: Option) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [argument for item in value for argument in (flag, item)]
    return [flag, str(value)]


def first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(START_SECONDS):
            process.kill()
            return "(nothing)"
    return process.stdout.readline().decode().strip()
