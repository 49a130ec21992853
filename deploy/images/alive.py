"""`python alive.py api|worker|scheduler` says by its exit status whether the service in this container lives.

It is alone in the images and imports nothing of ours, so that it costs little each time.
"""

import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ANSWERS_WITHIN_S = 5
COMMANDS = {"worker": "worker_service.start:start", "scheduler": "worker_service.scheduler"}
DO_NOT_RUN = frozenset("TtZX")  # stopped, traced, ended: see proc(5)


class Process(NamedTuple):
    """A process of this container: its number and its parent's, its state as in proc(5), and its command line."""

    pid: int
    parent: int
    state: str
    command: str

    @property
    def runs(self) -> bool:
        return self.state not in DO_NOT_RUN


def main() -> None:
    if sys.argv[1:] == ["api"]:
        problem = problem_of_api()
    elif len(sys.argv) == 2 and sys.argv[1] in COMMANDS:
        problem = problem_of(sys.argv[1], list(processes(Path("/proc"))))
    else:
        sys.exit("usage: alive.py api|worker|scheduler")
    if problem:
        sys.exit(problem)


def problem_of_api() -> str | None:
    """What is wrong with the API, as a sentence, or None."""
    url = f"http://127.0.0.1:{os.environ.get('API_PORT') or 8000}/health/live"
    try:
        with urllib.request.urlopen(url, timeout=ANSWERS_WITHIN_S):
            return None
    except OSError as error:
        return f"The API does not answer {url}: {error}"


def problem_of(service: str, found: list[Process]) -> str | None:
    """What is wrong with a worker or a scheduler among these processes, as a sentence, or None.

    A worker is Dramatiq's main process and one below it, which does the work.
    """
    main_one = next((one for one in found if COMMANDS[service] in one.command and one.pid != os.getpid()), None)
    if main_one is None:
        return f"No {service} runs here"
    if not main_one.runs:
        return f"The {service} is stopped"
    if service == "worker" and not any(one.runs for one in found if one.parent == main_one.pid):
        return "The worker has no process that works"
    return None


def processes(proc: Path) -> Iterator[Process]:
    for folder in proc.glob("[0-9]*"):
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        yield Process(int(folder.name), int(parent), state, command.replace(b"\0", b" ").decode(errors="replace"))


if __name__ == "__main__":
    main()
