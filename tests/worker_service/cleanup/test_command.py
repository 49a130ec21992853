"""`python -m worker_service.cleanup` works without a worker, shows what would go, and can be killed at any time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database.engine import transaction
from tests.worker_service.cleanup.old import Old, rows_of
from tests.worker_service.waiting import until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "worker_service.cleanup")


def asked(environ: dict[str, str], *arguments: str, **variables: str) -> dict[str, list[str]]:
    """What it answers, by the first word of each line."""
    variables = {**os.environ, **environ, "LOG_LEVEL": "error", **variables}
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    return {line.split()[0]: line.split() for line in done.stdout.splitlines() if line}


def test_it_shows_what_would_go_and_then_it_goes(old: Old, environ: dict[str, str]) -> None:
    old.completed(31)
    kept = {"RETENTION_JOBS": "30d"}
    shown = asked(environ, "--dry-run", **kept)
    assert shown["jobs"][1:3] == ["1", "503"]
    assert len(shown["jobs"][3]) == len("2026-01-01")
    assert shown["outputs"][1:4] == ["0", "0", "-"]
    assert len(old.files()) == 3
    assert asked(environ, "--only", "jobs", **kept)["jobs"][1:3] == ["1", "503"]
    assert (old.files(), old.jobs()) == ([], [])


@pytest.mark.landing
def test_killed_in_the_middle_it_leaves_nothing_half(old: Old, environ: dict[str, str]) -> None:
    old.completed(50)
    old.many(20_000)
    variables = {**os.environ, **environ, "RETENTION_JOBS": "30d"}
    engine = old.messenger.engine
    process = subprocess.Popen([*COMMAND, "--only", "jobs"], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL)
    until(lambda: rows_of(engine, "generation_jobs") < 20_000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = rows_of(engine, "generation_jobs")
    assert 0 < left < 20_000
    bereft = "generation_jobs WHERE id NOT IN (SELECT job_id FROM job_events)"
    assert rows_of(engine, bereft) == 0, "what is left of a job is all of it"
    with transaction(engine) as session:  # its time runs out
        session.connection().execute(text("UPDATE clean_ups SET claimed_until = now()"))
    assert asked(environ, "--only", "jobs", "--only", "folders", RETENTION_JOBS="30d")["jobs"][1] == str(left)
    assert (old.jobs(), old.files()) == ([], [])
