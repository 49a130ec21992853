"""What is imported under `importing` is not searched for garbage: not then, and not at the end of the process."""

import re
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


OURS = ("api_service", "worker_service", "migrations", "deploy", "shared")
STARTED_BY_NAME = "worker_service/start.py"  # what the dramatiq command imports
# They make pages, which is done once, and decode under limits that they see to themselves.
OTHERS = {"deploy/pages/__main__.py", "deploy/pages/types.py", "worker_service/media/member.py"}


def programs() -> list[str]:
    """What `python -m` starts and is made of more than itself."""
    files = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    found = {
        str(path.relative_to(ROOT))
        for path in files
        if 'if __name__ == "__main__":' in (text := path.read_text()) and re.search(IMPORTED, text)
    }
    return sorted((found | {STARTED_BY_NAME}) - OTHERS)


IMPORTED = rf"(?m)^( *)from ({'|'.join(OURS)})\b(?!\.imports import importing$)"


@pytest.mark.parametrize("program", programs())
def test_what_is_started_imports_so(program: str) -> None:
    text = (ROOT / program).read_text()
    assert [found[0] for found in re.finditer(IMPORTED, text) if not found[1]] == []
    assert "with importing():" in text
