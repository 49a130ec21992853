"""Whatever is started by hand says what it is, and refuses what it does not know instead of starting all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = [
    "api_service",
    "api_service.openapi",
    "worker_service",
    "worker_service.scheduler",
    "migrations",
    "shared.configuration.effective",
    "shared.jobs.sql",
    "deploy.local",
    "deploy.local.load_test_data",
    "deploy.local.redis_keys",
    "deploy.simulator",
    "tests.docs.generated",
]
AT_MOST_S = 60


def called(module: str, option: str) -> subprocess.CompletedProcess[str]:
    """Call a module with nothing but a path in its environment: it must not get so far as to need more."""
    return subprocess.run(
        [sys.executable, "-m", module, option],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "APP_ENV": "test"},
        capture_output=True,
        text=True,
        timeout=AT_MOST_S,
        check=False,
    )


@pytest.mark.parametrize("module", ENTRY_POINTS)
def test_help_says_how_it_is_called(module: str) -> None:
    done = called(module, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    name = "dramatiq" if module == "worker_service" else f"python -m {module}"  # the command that it becomes
    assert done.stdout.startswith(f"usage: {name} ")


@pytest.mark.parametrize("module", ENTRY_POINTS)
def test_an_option_that_does_not_exist_is_refused_by_its_name(module: str) -> None:
    done = called(module, "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr or "arguments are required" in done.stderr
    assert "Traceback" not in done.stderr
