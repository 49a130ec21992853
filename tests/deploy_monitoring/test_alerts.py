"""Each alert fires in its own trouble and in no other, and says what to do."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.deploy_monitoring.rules import ALERTS, TROUBLES, alerts, quicker, unit_tests
from tests.docs.test_pages import headings
from tests.monitoring import MISSING, PROMTOOL
from tests.unpacked import ROOT

RUNBOOK = "docs/operations/runbook.md"
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason=MISSING)


def test_each_alert_says_who_is_to_look_and_which_part_of_the_runbook_helps() -> None:
    for alert in alerts():
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert anchor in headings(ROOT / page), alert["alert"]
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert alert["annotations"]["summary"].endswith(".")


def test_the_runbook_lists_every_alert_with_its_part() -> None:
    listed = re.findall(r"(?m)^\| `(\w+)` \| \[.+\]\((#\S+)\) \|$", (ROOT / RUNBOOK).read_text())
    assert [(name, f"{RUNBOOK}{anchor}") for name, anchor in listed] == [
        (alert["alert"], alert["annotations"]["runbook"]) for alert in alerts()
    ]


def test_each_alert_has_a_trouble_that_fires_it() -> None:
    assert [alert["alert"] for alert in alerts()] == list(TROUBLES)


@pytest.mark.broad
@pytest.mark.landing
@needs_promtool
def test_a_healthy_system_fires_nothing_and_each_trouble_its_own_alert_alone(tmp_path: Path) -> None:
    subprocess.run([PROMTOOL, "check", "rules", ALERTS], check=True, capture_output=True)
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump(unit_tests()))
    done = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.broad
@pytest.mark.landing
@needs_promtool
def test_rules_that_are_quicker_wait_for_the_same_things(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yml"
    file.write_text(quicker(10))
    subprocess.run([PROMTOOL, "check", "rules", file], check=True, capture_output=True)
    rules = {rule["alert"]: rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]}
    assert list(rules) == list(TROUBLES)
    assert rules["OldestJobWaitsTooLong"]["expr"] == "max(genonaut_oldest_waiting_seconds) > 90"
    assert rules["ServerIsNotUsable"]["for"] == "30000ms"
    assert "[60000ms]" in rules["LeaseRanOut"]["expr"]
