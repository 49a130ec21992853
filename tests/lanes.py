"""Which tests `make test-quick` leaves out; and that no other test starts a process of ours."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    }
)
SIMULATOR = "deploy.simulator"
MEMBER = "worker_service.media.member"  # of the media pool: it imports Pillow and nothing of ours, in 0.1 s


DATABASE = "lent_database"  # 0.1 s for each case: a database that is emptied, mostly with a key and an API on it


def mark(item: pytest.Item) -> None:
    """Mark a test by what it asks for. Of several cases on the database only the first is quick."""
    for fixture, lane in BY_FIXTURE.items():
        if asks_for(item, fixture):
            item.add_marker(lane)
    if asks_for(item, DATABASE) and is_a_further_case(item):
        item.add_marker("broad")


def is_a_further_case(item: pytest.Item) -> bool:
    """Whether it has values of its parameters that are not the first ones."""
    case = getattr(item, "callspec", None)
    return case is not None and any(case.indices.values())


def asks_for(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


class ProcessGuard:
    """Refuses a Python process to tests that are not marked as systems: a second of imports each.

    What a whole session shares may start processes. So may fixtures start the simulator: it was lost to another test.
    What decodes outputs is no more than its decoder.
    """

    def __init__(self) -> None:
        self.refusing = self.preparing = False
        sys.addaudithook(self.hear)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self.state(refusing=item.get_closest_marker("system") is None):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        with self.state(refusing=self.refusing and fixturedef.scope != "session", preparing=True):
            return (yield)

    @contextmanager
    def state(self, *, refusing: bool, preparing: bool = False) -> Iterator[None]:
        before = self.refusing, self.preparing
        self.refusing, self.preparing = refusing, preparing
        try:
            yield
        finally:
            self.refusing, self.preparing = before

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of anything that it does."""
        if event != "subprocess.Popen" or not self.refusing:
            return
        program, command = str(arguments[0]), [str(argument) for argument in arguments[1]]
        is_light = MEMBER in command or (self.preparing and SIMULATOR in command)
        if Path(program).name.startswith(("python", "make")) and not is_light:
            raise AssertionError(f"a test that starts processes is to be marked as a system: {command}")
