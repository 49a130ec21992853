"""The benches run: a small round of each. How fast it is, nobody asks here."""

from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.bench.benches import BENCHES
from tests.bench.figure import measured
from tests.bench.place import Place

LONG = {"claiming", "weighing"}
NAMES = [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in BENCHES]


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_bench_runs(name: str, servers: Servers, tmp_path: Path) -> None:
    results = list(measured(BENCHES[name], Place(servers, tmp_path, short=True), rounds=1))
    assert [result.figure for result in results] == list(BENCHES[name].figures)
    assert all(found.value > 0 and found.limit > 0 for result in results for found in result.rounds)
