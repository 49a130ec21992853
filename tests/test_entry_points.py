"""Whatever is started by hand says what it is, and refuses what it does not know instead of starting all the same."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.sweeps import rest_at_landing

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = [
    "api_service",
    "worker_service",
    "worker_service.scheduler",
    "migrations",
    "deploy.doctor",
    "api_service.openapi",
    "api_service.accounts.resealing",
    "shared.configuration.effective",
    "shared.jobs.sql",
    "deploy.restored",
    "deploy.local",
    "deploy.local.load_test_data",
    "deploy.local.redis_keys",
    "deploy.simulator",
    "tests.docs.generated",
]
SERVICES = 5  # of these, and what else there is always
HELP, UNKNOWN = "--help", "--no-such-option"
AT_MOST_S = 100


Called = Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def called(request: pytest.FixtureRequest) -> Called:
    """How each went that is asked for, with nothing but a path in its environment: it must not get so far as to need
    more."""
    of_this_file = [item for item in request.session.items if item.path == request.path]
    modules = {item.callspec.params["module"] for item in of_this_file if hasattr(item, "callspec")}
    asked = [word for module in modules for option in (HELP, UNKNOWN) for word in (module, option)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.entry_points", *asked],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "APP_ENV": "test"},
        capture_output=True,
        text=True,
        timeout=AT_MOST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: Called = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("module", rest_at_landing(ENTRY_POINTS, SERVICES))
def test_help_says_how_it_is_called(called: Called, module: str) -> None:
    done = called[f"{module} {HELP}"]
    assert (done["returncode"], done["stderr"]) == (0, "")
    name = "dramatiq" if module == "worker_service" else f"python -m {module}"  # the command that it becomes
    assert done["stdout"].startswith(f"usage: {name} ")


@pytest.mark.parametrize("module", rest_at_landing(ENTRY_POINTS, SERVICES))
def test_an_option_that_does_not_exist_is_refused_by_its_name(called: Called, module: str) -> None:
    done = called[f"{module} {UNKNOWN}"]
    assert done["returncode"] == 2
    assert UNKNOWN in done["stderr"] or "arguments are required" in done["stderr"]
    assert "Traceback" not in done["stderr"]
