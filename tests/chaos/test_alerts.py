"""What really dies is heard of: a real Prometheus fires the alerts of each fault, and no others."""

from pathlib import Path

import pytest

from tests.chaos.alerts.troubles import hear_all, plan_in
from tests.chaos.test_short import say
from tests.monitoring import MISSING, PROMETHEUS


@pytest.mark.long
@pytest.mark.system
@pytest.mark.timeout(2400)
@pytest.mark.skipif(not PROMETHEUS, reason=MISSING)
def test_each_fault_fires_its_alerts_and_no_others(tmp_path: Path) -> None:
    heard = hear_all(plan_in(tmp_path / "system"), say)
    assert not [one for one in heard if not one.is_as_it_should_be]
