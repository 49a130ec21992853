"""Long tests are dealt out among the processes, each of which begins with its own: no process ends long after the rest.

pytest-xdist gives each process an equal share of consecutive tests, and then lets those that are done take over from
the others. The tests of a module stay together, since they may share what is slow to start; so do those of the
modules that share a whole system.
"""

from collections.abc import Sequence
from itertools import groupby

import pytest

SYSTEM = "whole_system"


class Dealer:
    """Deals out what is left once marks and words have chosen among the tests."""

    def __init__(self, processes: int) -> None:
        self.processes = processes

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = dealt(items, self.processes)


def dealt(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The same tests, in the order in which this many processes are to be given equal shares of them."""
    modules = by_module([item for item in items if item.get_closest_marker("system")])
    modules.sort(key=longest, reverse=True)
    hands = [[item for module in modules[number::processes] for item in module] for number in range(processes)]
    others = [item for item in items if not item.get_closest_marker("system")]
    order: list[pytest.Item] = []
    for number, hand in enumerate(hands):
        share = (len(items) - len(order)) // (processes - number)
        rest = max(0, share - len(hand))
        order += hand + others[:rest]
        del others[:rest]
    return order + others


def by_module(items: Sequence[pytest.Item]) -> list[list[pytest.Item]]:
    return [list(module) for _, module in groupby(items, home)]


def home(item: pytest.Item) -> str:
    """What it stays together with: its module, or all that ask for a fixture of the session which is a system."""
    return SYSTEM if SYSTEM in getattr(item, "fixturenames", ()) else str(item.path)


def longest(module: Sequence[pytest.Item]) -> float:
    """The longest time that one of its tests may take: where it matters, they say so."""
    markers = (item.get_closest_marker("timeout") for item in module)
    return max((float(marker.args[0]) for marker in markers if marker), default=0.0)
