"""What is imported under `importing` is not searched for garbage: not then, and not at the end of the process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Thousands of objects that refer to each other: without the block, Python looks through them as they become more.
SCRIPT = """
import gc
from shared.imports import importing

searches = []
gc.callbacks.append(lambda phase, info: searches.append(phase))

class Told:
    def __init__(self):
        self.itself = self

    def __del__(self):
        print("searched")

def make():
    return [Told() for _ in range(5_000)]

if {quick}:
    with importing():
        kept = make()
    print(len(searches), gc.isenabled(), gc.get_freeze_count() > 5_000)
else:
    kept = make()
    print(len(searches) > 0)
del kept
"""


def printed(*, quick: bool) -> list[str]:
    script = SCRIPT.format(quick=quick)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.system
def test_nothing_is_searched_while_a_program_imports_nor_when_it_ends() -> None:
    assert printed(quick=True) == ["0 True True"]


@pytest.mark.system
def test_what_was_not_imported_so_is_searched_at_both_times() -> None:
    first, *ends = printed(quick=False)
    assert first == "True"
    assert ends == ["searched"] * 5_000


@pytest.mark.parametrize(
    "program",
    [
        "api_service/__main__.py",
        "worker_service/__main__.py",
        "worker_service/start.py",
        "worker_service/scheduler/__main__.py",
        "migrations/__main__.py",
        "deploy/doctor/__main__.py",
        "deploy/simulator/__main__.py",
        "deploy/local/__main__.py",
    ],
)
def test_what_is_started_often_imports_so(program: str) -> None:
    text = (ROOT / program).read_text()
    ours = ("from api_service", "from worker_service", "from migrations", "from deploy", "from shared")
    outside = [line for line in text.splitlines() if line.startswith(ours)]
    assert [line for line in outside if line != "from shared.imports import importing"] == []
    assert "with importing():" in text
