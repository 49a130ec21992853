"""Quick tests start no process of ours, and a test is marked by what it asks for."""

import subprocess
import sys

import pytest

START = [sys.executable, "-c", ""]


def test_a_test_without_a_mark_starts_no_python() -> None:
    with pytest.raises(AssertionError, match="is to be marked as a system"):
        subprocess.run(START, check=True)


@pytest.mark.system
def test_a_system_starts_what_it_likes() -> None:
    subprocess.run(START, check=True)


@pytest.fixture
def process() -> None:
    with pytest.raises(AssertionError, match="is to be marked as a system"):
        subprocess.run(START, check=True)


@pytest.mark.usefixtures("process")
def test_nor_do_its_fixtures() -> None:
    pass


@pytest.fixture(scope="session")
def shared_process() -> None:
    subprocess.run(START, check=True)


@pytest.mark.usefixtures("shared_process")
def test_what_all_tests_share_may_be_a_process() -> None:
    pass


def test_who_asks_for_a_database_of_its_own_is_broad(request: pytest.FixtureRequest, own_database: str) -> None:
    assert own_database
    assert request.node.get_closest_marker("broad")


@pytest.mark.parametrize("one", [0, 1])
@pytest.mark.parametrize("other", [0, 1])
def test_of_several_cases_on_the_database_only_the_first_is_quick(
    request: pytest.FixtureRequest, database_url: str, one: int, other: int
) -> None:
    assert database_url
    assert (request.node.get_closest_marker("broad") is None) == (one == other == 0)


@pytest.mark.parametrize("case", [0, 1])
def test_without_a_database_all_cases_are(request: pytest.FixtureRequest, case: int) -> None:
    assert request.node.get_closest_marker("broad") is None
