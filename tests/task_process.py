"""A worker's part that does tasks, as a process of its own, so that a test can kill it: `python -m tests.task_process`.

It does what is due until nothing is open any more, or stands still for ever after so many pages: then it can be killed
in the middle, however fast it is. With `dying` it takes numbers from its input: for each a child of it does what is
due, and is killed before the so many-th thing that outlasts it, which is what it does to files, and a commit. It prints
how each child ended.
"""

import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import col, select

from shared.configuration.settings import load_settings
from shared.database.engine import create_engine, reading
from shared.messaging.opening import open_messenger
from shared.models import Task, TaskState
from shared.storage.opening import open_storage
from shared.tasks.life import Ending
from worker_service.media.pool import MediaPool
from worker_service.tasks import move_files
from worker_service.tasks.archives import export
from worker_service.tasks.bulk import pages
from worker_service.tasks.kinds import STEPS
from worker_service.tasks.turns.runner import TaskRunner
from worker_service.tasks.turns.turn import Step, TaskResources, Turn

LOOK_S = 0.05
LASTING = ("fsync", "link", "mkdir", "open", "rename", "replace", "rmdir", "unlink")  # of `os`


def die_before(number: int, engine: Engine) -> None:
    """Be killed before the so many-th thing that outlasts a process."""
    left = itertools.count(1)

    def count(*_: object) -> None:
        if next(left) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(does: Callable[..., Any]) -> Callable[..., Any]:
        def do(*given: Any, **named: Any) -> Any:
            count()
            return does(*given, **named)

        return do

    for name in LASTING:
        setattr(os, name, counted(getattr(os, name)))
    event.listen(engine, "commit", count)


def die_by_numbers(environ: dict[str, str], name: str) -> None:
    """No child imports anything of ours anew, which is what takes time."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # its log is none of the answers
            work(environ, f"{name}-{int(line)}", 1.0, None, int(line))
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def work(environ: dict[str, str], name: str, lease_s: float, most_pages: int | None, dies_before: int = 0) -> None:
    pages.PAGE = export.PAGE = move_files.PAGE = int(environ.get("TASK_PAGE", "1"))
    left = itertools.count() if most_pages is None else iter(range(most_pages))

    def held(step: Step, turn: Turn) -> Ending | None:
        if next(left, None) is None:
            threading.Event().wait()
        return step(turn)

    steps = {kind: partial(held, step) for kind, step in STEPS.items()}
    settings = load_settings(environ)
    engine = create_engine(settings, application="tests")
    messenger = open_messenger(engine, settings)
    store, moving = open_storage(settings)
    resources = TaskResources(messenger, store, MediaPool(1), moving=moving)
    runner = TaskRunner(name, timedelta(seconds=lease_s), None, resources, steps, threading.Event(), lambda: None)
    is_open = select(Task.id).where(col(Task.state).in_((TaskState.WAITING, TaskState.RUNNING)))
    if dies_before:
        die_before(dies_before, engine)
    while True:
        with reading(engine) as session:
            if session.exec(is_open.limit(1)).first() is None:
                return
        if not runner.run_one():
            time.sleep(LOOK_S)


if __name__ == "__main__":
    if sys.argv[2:] == ["dying"]:
        die_by_numbers(dict(os.environ), sys.argv[1])
    else:
        work(dict(os.environ), sys.argv[1], 1.0, int(sys.argv[2]) if len(sys.argv) > 2 else None)
