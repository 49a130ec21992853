"""A Redis that can never serve ends a service at its start; one that is away does not."""

from pathlib import Path

import pytest

from deploy.local.ports import free_ports
from deploy.local.process import Processes
from shared.configuration.settings import load_settings
from shared.messaging.redis_fitness import IN_CLUSTER, exit_if_redis_is_unfit, redis_problem
from tests.sentinels import PASSWORD, SERVER, valkey_with

pytestmark = pytest.mark.system


def test_a_part_of_a_cluster_is_refused_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Processes() as processes:
        # Its port of the cluster would be 10,000 above the other, which may be beyond the last.
        more = f"cluster-enabled yes\ncluster-port {next(free_ports())}"
        port, _ = valkey_with(processes, folder, "valkey", SERVER, more=more)
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}"
        with pytest.raises(SystemExit) as ended:
            exit_if_redis_is_unfit(load_settings({"APP_ENV": "test", "BROKER_URL": url}))
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"BROKER_URL: redis://:***@127.0.0.1:{port}: {IN_CLUSTER}\n"


def test_one_that_serves_and_one_that_is_away_are_no_problem(environ: dict[str, str]) -> None:
    exit_if_redis_is_unfit(load_settings(environ))
    assert redis_problem("redis://127.0.0.1:9") is None
    assert redis_problem("redis+sentinel://127.0.0.1:9,127.0.0.1:10/main") is None
