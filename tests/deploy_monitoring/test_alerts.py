"""Each alert fires in its own trouble and in no other, and says what to do."""

import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.deploy_monitoring.rules import ALERTS, TROUBLES, alerts, unit_tests
from tests.docs.test_pages import headings
from tests.monitoring import MISSING, PROMTOOL
from tests.unpacked import ROOT

needs_promtool = pytest.mark.skipif(not PROMTOOL, reason=MISSING)


def test_each_alert_says_who_is_to_look_and_which_part_of_the_runbook_helps() -> None:
    for alert in alerts():
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert anchor in headings(ROOT / page), alert["alert"]
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"].endswith(".")


def test_each_alert_has_a_trouble_that_fires_it() -> None:
    assert [alert["alert"] for alert in alerts()] == list(TROUBLES)


@needs_promtool
def test_a_healthy_system_fires_nothing_and_each_trouble_its_own_alert_alone(tmp_path: Path) -> None:
    subprocess.run([PROMTOOL, "check", "rules", ALERTS], check=True, capture_output=True)
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump(unit_tests()))
    done = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
