"""Quick tests start no program, and a test is marked by what it asks for."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis.strategies import integers

from tests.hypotheses import given
from tests.lanes import DATABASE, QUICK_OF_A_FILE, is_left_out, mark_all, says_landing

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


def test_of_a_file_those_on_the_database_are_quick_that_come_first(request: pytest.FixtureRequest) -> None:
    node = request.node
    items = [pytest.Function.from_parent(node.parent, name=f"test_{n}", callobj=lambda: None) for n in range(20)]
    for item in items:
        item.fixturenames = [DATABASE] if int(item.name[5:]) % 2 else []
    mark_all(items)
    broad = [item.name for item in items if item.get_closest_marker("broad")]
    assert broad == [f"test_{n}" for n in range(2 * QUICK_OF_A_FILE + 1, 20, 2)]


@pytest.mark.parametrize("case", [0, 1])
def test_without_a_database_all_cases_are(request: pytest.FixtureRequest, case: int) -> None:
    assert request.node.get_closest_marker("broad") is None


def test_a_quick_test_starts_no_other_program_but_git() -> None:
    subprocess.run(["git", "--version"], check=True)
    with pytest.raises(AssertionError, match="is to be marked as broad"):
        subprocess.run(["true"], check=True)


@pytest.mark.broad
def test_a_broad_one_starts_programs_and_no_python() -> None:
    subprocess.run(["true"], check=True)
    with pytest.raises(AssertionError, match="is to be marked as a system"):
        subprocess.run(START, check=True)


@given(value=integers())
def test_what_is_tried_with_many_values_is_broad(value: int) -> None:
    assert value == int(str(value))


def test_of_all_that_hypothesis_tries_none_is_quick(request: pytest.FixtureRequest) -> None:
    tried = [item for item in request.session.items if "tried_with_many" in item.name]
    assert all(item.get_closest_marker("broad") for item in tried)


@pytest.mark.parametrize(
    ("expression", "is_out"),
    [("not system", True), ("not broad and not system", True), ("not long", False), ("", False), ("long", False)],
)
def test_a_file_whose_tests_are_all_left_out_is_not_imported(tmp_path: Path, expression: str, is_out: bool) -> None:
    left, other = tmp_path / "left", tmp_path / "other"
    for folder in (left, other):
        folder.mkdir()
        (folder / "test_a.py").write_text("pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # 300 s\n")
    (other / "test_b.py").write_text("@pytest.mark.system\ndef test_b() -> None: ...\n")
    (other / "conftest.py").write_text("pytestmark = pytest.mark.system\n")
    here = [str(tmp_path)]
    for path in (left, left / "test_a.py", other / "test_a.py"):
        assert is_left_out(path, expression, here) == is_out
    for path in (tmp_path, other, other / "test_b.py", other / "conftest.py"):
        assert not is_left_out(path, expression, here)
    assert not is_left_out(left / "test_a.py", expression, [f"{left}/test_a.py::test_a"])


@pytest.mark.parametrize("expression", ["landing", "landing and not long"])
def test_for_the_landing_only_files_are_imported_that_name_it(tmp_path: Path, expression: str) -> None:
    for name, line in (
        ("a", "@pytest.mark.landing"),
        ("b", "@sweep(one_in=5)"),
        ("c", "@pytest.mark.system"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text(f"{line}\ndef test_it() -> None: ...\n")
    left = [name for name in "abc" if is_left_out(tmp_path / name, expression, [str(tmp_path)])]
    assert left == ["c"]
    assert not is_left_out(tmp_path, expression, [str(tmp_path)])
    assert not is_left_out(tmp_path / "c" / "test_c.py", expression, [f"{tmp_path}/c/test_c.py"])
    says_landing.cache_clear()
    (tmp_path / "c" / "conftest.py").write_text("@pytest.fixture\ndef store(s3: S3) -> Store: ...\n")
    assert not is_left_out(tmp_path / "c", expression, [str(tmp_path)])
