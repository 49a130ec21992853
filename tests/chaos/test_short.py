"""A short run: every kind of fault and of odd content once, under some ninety jobs, and the account is in order."""

import os
import sys
from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.faults import KINDS
from tests.chaos.report import report
from tests.chaos.run import run

SEED = int(os.environ.get("CHAOS_SEED", "1"))
JOBS = 90


@pytest.mark.long
@pytest.mark.system
@pytest.mark.timeout(420)
def test_nothing_is_lost_and_nothing_run_twice_while_everything_dies(tmp_path: Path) -> None:
    result = run(plan.short(SEED, list(KINDS), tmp_path / "system", JOBS), say)
    assert {struck.strike.kind for struck in result.evidence.struck} >= set(KINDS)
    assert len(result.evidence.jobs) >= JOBS
    assert not result.violations, report(result)


def say(text: str) -> None:
    """Shown where the test fails."""
    sys.stdout.write(f"{text}\n")
