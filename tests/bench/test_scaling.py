"""What scaling is computed from is measured, and its page shows what the computation gives."""

import json
from pathlib import Path

from tests.bench.benches import BENCHES
from tests.bench.scaling import BULKS, CLAIMS, COEFFICIENTS, Plan, measured, table

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_each_coefficient_is_a_figure_of_the_bench() -> None:
    figures = {figure.name for bench in BENCHES.values() for figure in bench.figures}
    assert {coefficient.figure for coefficient in COEFFICIENTS} <= figures


def test_the_page_shows_the_table() -> None:
    assert "\n".join(table(Plan(100, 1000, {}))) in PAGE.read_text()


def test_what_was_measured_goes_before(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text(json.dumps([{"figure": CLAIMS.figure, "value": 10}, {"figure": "another", "value": 1}]))
    plan = Plan(100, 1000, measured(file))
    assert (plan.of(CLAIMS), plan.of(BULKS)) == (10, BULKS.value)
    assert table(plan)[2].startswith("| claims")
