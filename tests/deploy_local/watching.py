"""What a test sees of processes: whether they are gone, and whether something came true in bounded time."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE_S = 30.0


def until(came_true: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Return once it is true; fail when the time is over."""
    deadline = time.monotonic() + within_s
    while not came_true():
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended. One that only waits to be collected, by an init that may never do it, has."""
    try:
        return psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return True


def numbers_in(file: Path) -> list[int]:
    """The numbers that a process has written to a file so far, whole lines only."""
    return (
        [int(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if file.exists()
        else []
    )
