"""Metrics are shown on a port of their own, if one is set."""

import urllib.request

import pytest

from deploy.local.ports import free_ports
from shared.configuration.settings import Settings
from shared.metrics.exposition import expose_or_exit, new_registry


@pytest.fixture
def shown(settings: Settings) -> Settings:
    return settings.model_copy(update={"metrics_port": next(free_ports())})


def test_whoever_asks_is_told_which_service_it_is_and_what_it_uses(shown: Settings) -> None:
    expose_or_exit(shown, new_registry("api"))
    with urllib.request.urlopen(f"http://127.0.0.1:{shown.metrics_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    assert 'genonaut_build_info{service="api"} 1.0' in lines
    assert any(line.startswith("process_cpu_seconds_total") for line in lines)


def test_without_a_port_nothing_is_shown(settings: Settings) -> None:
    assert settings.metrics_port is None
    expose_or_exit(settings, new_registry("api"))


def test_a_port_that_is_taken_ends_the_process_with_what_to_do(
    shown: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    expose_or_exit(shown, new_registry("api"))
    with pytest.raises(SystemExit) as ended:
        expose_or_exit(shown, new_registry("worker"))
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"127.0.0.1:{shown.metrics_port}" in said
    assert "METRICS_PORT of its own" in said
