"""The benches run: a small round of each. How fast it is, nobody asks here."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

from deploy.local.servers import Servers
from deploy.simulator.running.pace import Pace
from tests.bench.benches import BENCHES
from tests.bench.figure import measured
from tests.bench.place import Place, Running, Wanted

# One with a whole system and its worker, and one with the API alone; the rest measure by the same code.
ORDINARY = {"gpu-50ms", "reading"}
NAMES = [pytest.param(name, marks=pytest.mark.landing if name in ORDINARY else pytest.mark.long) for name in BENCHES]


class KeptPlace(Place):
    """Keeps each system with a worker for the next bench that wants one like it, whatever the pace of its servers."""

    def __init__(self, servers: Servers, folder: Path, ending: ExitStack) -> None:
        super().__init__(servers, folder, short=True)
        self.ending = ending
        self.kept: dict[str, Running] = {}

    @contextmanager
    def system(self, wanted: Wanted) -> Iterator[Running]:
        if not wanted.workers:  # its bench may want no jobs in it
            with super().system(wanted) as running:
                yield running
            return
        drawn = ["--draw" in options for options in wanted.simulators]
        kind = repr((wanted.apis, wanted.workers, wanted.scheduler, wanted.variables, drawn))
        if kind not in self.kept:
            self.kept[kind] = self.ending.enter_context(super().system(wanted))
        running = self.kept[kind]
        for url, options in zip(running.simulators, wanted.simulators, strict=True):
            httpx.post(f"{url}/simulator/pace", json=pace_of(options)).raise_for_status()
        yield running


def pace_of(options: Sequence[str]) -> dict[str, float | None]:
    """What a simulator's options set, and the rest as it is without them."""
    given = zip(options[::2], options[1::2], strict=True)
    paces = {name.removeprefix("--").replace("-", "_"): float(value) for name, value in given if name != "--draw"}
    return {**asdict(Pace()), **paces}


@pytest.fixture(scope="module")
def place(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as ending:
        yield KeptPlace(servers, tmp_path_factory.mktemp("bench"), ending)


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_bench_runs(name: str, place: Place) -> None:
    results = list(measured(BENCHES[name], place, rounds=1))
    assert [result.figure for result in results] == list(BENCHES[name].figures)
    assert all(found.value > 0 and found.limit > 0 for result in results for found in result.rounds)
