"""However many processes there are, each begins with long tests, and none is lost on the way."""

from pathlib import Path

import pytest

from tests.dealing import dealt


class Test(pytest.Item):
    """A test that is only dealt out."""

    __test__ = False

    def runtest(self) -> None:
        raise NotImplementedError


@pytest.fixture
def tests(request: pytest.FixtureRequest) -> list[pytest.Item]:
    """Twenty quick tests, and seven long ones in four modules; the module `longest` may take longest."""

    def made(module: str, name: str, *markers: pytest.MarkDecorator) -> pytest.Item:
        test = Test.from_parent(request.session, name=name, path=Path(module))
        for marker in markers:
            test.add_marker(marker)
        return test

    quick = [made("quick", f"quick {number}") for number in range(20)]
    long = [made(module, f"{module} {number}", pytest.mark.system) for module in "abc" for number in range(2)]
    return [*quick, *long, made("longest", "longest 0", pytest.mark.system, pytest.mark.timeout(600))]


def names(items: list[pytest.Item]) -> list[str]:
    return [item.name for item in items]


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 30])
def test_none_is_lost_and_none_doubled(tests: list[pytest.Item], processes: int) -> None:
    assert sorted(names(dealt(tests, processes))) == sorted(names(tests))


def test_each_share_begins_with_long_ones_the_longest_first_and_modules_stay_together(
    tests: list[pytest.Item],
) -> None:
    order = names(dealt(tests, 3))
    assert order[0:3] == ["longest 0", "c 0", "c 1"]
    assert order[9:11] == ["a 0", "a 1"]
    assert order[18:20] == ["b 0", "b 1"]
