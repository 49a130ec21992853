"""Which tests wait for which `make` target; and that no quick test starts a program."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

# A test that asks for one of these is marked so.
BY_FIXTURE: Mapping[str, str] = MappingProxyType(
    {
        "deployment": "system",  # it has a worker at work
        "own_database": "broad",  # it makes a database
        "databases": "broad",
        "s3": "landing",  # a server of others
    }
)
SIMULATOR = "deploy.simulator"
OURS = ("python", "make")
MEMBER = "worker_service.media.member"  # of the media pool: it imports Pillow and nothing of ours, in 0.1 s
LANES = ("broad", "system", "landing", "long")
QUICK_OF_A_FILE = 4  # who works at one runs all of it
DATABASE = "lent_database"  # 0.1 s for each case: a database that is emptied, mostly with a key and an API on it

# What follows -m if it only leaves out, and what it leaves out; the line that marks all of a file, and its marks.
LEFT_OUT, LEFT = re.compile(r"not \w+(?: and not \w+)*"), re.compile(r"not (\w+)")
# What follows -m for the lane whose tests say so in their files: by a mark, or by what marks them.
OF_LANDING, SAYS_LANDING = re.compile(r"landing(?: and not \w+)*"), re.compile(r"(?im)landing|\bs3\b|^@sweep")
OF_A_FILE, MARK = re.compile(r"^pytestmark = .*", re.MULTILINE), re.compile(r"pytest\.mark\.(\w+)")


def mark_all(items: Iterable[pytest.Item]) -> None:
    """Mark tests by what they ask for. Of a file, those on the database are quick that come first."""
    quick = Counter[Path]()
    for item in items:
        mark(item)
        if asks_for(item, DATABASE) and not any(map(item.get_closest_marker, LANES)):
            quick[item.path] += 1
            if quick[item.path] > QUICK_OF_A_FILE:
                item.add_marker("broad")


def mark(item: pytest.Item) -> None:
    """Mark a test by what it asks for. Of several cases on the database only the first is quick."""
    for fixture, lane in BY_FIXTURE.items():
        if asks_for(item, fixture):
            item.add_marker(lane)
    if is_tried_with_many(item) or (asks_for(item, DATABASE) and is_a_further_case(item)):
        item.add_marker("broad")
    if item.get_closest_marker("landing") and not says_landing(item.path):
        raise pytest.UsageError(f"{item.nodeid} is of the landing, and `make test-landing` would not import its file")


def is_tried_with_many(item: pytest.Item) -> bool:
    """Whether Hypothesis finds its values: a hundred of them."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def is_a_further_case(item: pytest.Item) -> bool:
    """Whether it has values of its parameters that are not the first ones."""
    case = getattr(item, "callspec", None)
    return case is not None and any(case.indices.values())


def asks_for(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


def is_left_out(path: Path, expression: str, named: Iterable[str]) -> bool:
    """Whether of a file, or of all files in a folder, no test is to run, as their lines of `pytestmark` say: then they
    need not even be imported. What the command line has `named` is looked at, as always. `expression` is that of -m."""
    unwanted = set(LEFT.findall(expression)) if LEFT_OUT.fullmatch(expression) else set()
    is_for_landing = bool(OF_LANDING.fullmatch(expression))
    if not (unwanted or is_for_landing) or path in {Path(name.partition("::")[0]).absolute() for name in named}:
        return False
    files = list(path.rglob("test_*.py")) if path.is_dir() else [path] if path.match("test_*.py") else []
    if is_for_landing:
        return bool(files) and not any(map(says_landing, files))
    return bool(files) and all(not marks_of(file).isdisjoint(unwanted) for file in files)


@cache
def marks_of(file: Path) -> frozenset[str]:
    """The marks that all tests of a file have."""
    found = OF_A_FILE.search(file.read_text())
    return frozenset(MARK.findall(found[0]) if found else ())


@cache
def says_landing(file: Path) -> bool:
    """Whether a file may have tests of the landing: it says so, or the fixtures beside it."""
    texts = (path.read_text() for path in (file, file.parent / "conftest.py") if path.exists())
    return any(SAYS_LANDING.search(text) for text in texts)


class ProcessGuard:
    """Refuses a Python process to tests that are not marked as systems: a second of imports each. Quick tests may not
    start any other program either, but git.

    What a whole session shares may start processes. So may fixtures start the simulator: it was lost to another test.
    What decodes outputs is no more than its decoder.
    """

    def __init__(self) -> None:
        self.refused: Sequence[str] = ()
        self.preparing = False
        sys.addaudithook(self.hear)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self.state(refused=refused_to(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        with self.state(refused=() if fixturedef.scope == "session" else self.refused, preparing=True):
            return (yield)

    @contextmanager
    def state(self, *, refused: Sequence[str], preparing: bool = False) -> Iterator[None]:
        before = self.refused, self.preparing
        self.refused, self.preparing = refused, preparing
        try:
            yield
        finally:
            self.refused, self.preparing = before

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of anything that it does."""
        if event != "subprocess.Popen" or not self.refused:
            return
        name, command = Path(str(arguments[0])).name, [str(argument) for argument in arguments[1]]
        if name == "git" or MEMBER in command or (self.preparing and SIMULATOR in command):
            return
        if name.startswith(OURS):
            raise AssertionError(f"a test that starts processes is to be marked as a system: {command}")
        if name.startswith(tuple(self.refused)):
            raise AssertionError(f"a test that starts a program is to be marked as broad: {command}")


def refused_to(item: pytest.Item) -> Sequence[str]:
    """With what the names of the programs begin that a test may not start."""
    marks = {marker.name for marker in item.iter_markers()}
    if "system" in marks:
        return ()
    return OURS if marks & {"broad", "long"} else ("",)
