"""Whoever looks, and whoever dies in the middle: a schedule that is due makes one job."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.messaging.messenger import Messenger
from shared.schedules.due import run_due
from tests.schedules import NO_QUOTAS, jobs_of, key_of_user, run_all, scheduled


def test_two_schedulers_that_look_at_once_make_each_job_once(messenger: Messenger, engine: Engine) -> None:
    key_id = key_of_user(engine)
    schedules = [scheduled(engine, key_id=key_id) for _ in range(20)]
    start = threading.Barrier(3)
    made: list[int] = []

    def look() -> None:
        start.wait(10)
        made.append(run_due(messenger, NO_QUOTAS))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(made) == 20
    assert [len(jobs_of(engine, schedule)) for schedule in schedules] == [1] * 20


DIES = """
import os, signal, sys
from sqlalchemy import event
from sqlmodel import Session
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.messaging.opening import open_messenger
from shared.schedules.due import run_due
from shared.schedules.runs import Quotas

settings = load_settings(dict(os.environ))
engine = create_engine(settings, application="dies")
messenger = open_messenger(engine, settings)
moment = "before_commit" if sys.argv[1] == "before" else "after_commit"
event.listen(Session, moment, lambda session: session.in_nested_transaction() or os.kill(os.getpid(), signal.SIGKILL))
run_due(messenger, Quotas(None, None))
"""


@pytest.mark.system
@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_9_around_the_commit_neither_loses_a_run_nor_doubles_it(
    messenger: Messenger, engine: Engine, environ: dict[str, str], moment: str
) -> None:
    schedule = scheduled(engine)
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", DIES, moment], cwd=root, env=environ, timeout=60, check=False)
    assert killed.returncode == -9
    assert len(jobs_of(engine, schedule)) == (0 if moment == "before" else 1)
    assert run_all(messenger) == (1 if moment == "before" else 0)
    assert len(jobs_of(engine, schedule)) == 1
