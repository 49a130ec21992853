"""A real Prometheus scrapes our processes, and finds something for each query of the dashboard."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from sqlalchemy import Engine

from deploy.local.ports import free_ports
from deploy.local.process import Command, Process, Processes
from deploy.local.system import REPOSITORY, status
from shared.database.engine import transaction
from shared.fleet.servers import drain
from shared.jobs.urls import JOBS
from tests.api_service.conftest import bearer, new_key
from tests.deploy_monitoring.rules import FOLDER, alerts
from tests.monitoring import MISSING, PROMETHEUS, PROMTOOL
from tests.raw_server import answer, raw_server
from tests.simulator.running import RunningSimulator
from tests.worker_service.waiting import until

DASHBOARD = FOLDER / "grafana" / "dashboards" / "genonaut.json"
MODULES = {"api": "api_service", "worker": "worker_service", "scheduler": "worker_service.scheduler"}
# What the exporters of PostgreSQL, of a replica of it, and of Redis show: they are not installed here.
EXPORTED = b"pg_up 1\npg_stat_activity_count 20\npg_settings_max_connections 100\nredis_up 1\n"
METRIC = re.compile(r"\b(?:genonaut|dramatiq)_[a-z_]+")
(OF_REPLICA,) = (
    {"relabel_configs": job["relabel_configs"]}
    for job in yaml.safe_load((FOLDER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    if "relabel_configs" in job
)
FAILED = "genonaut_failures_total"  # of a system where nothing has failed there are none
BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboard_takes_its_data_from_whichever_source_is_chosen() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert [variable["type"] for variable in dashboard["templating"]["list"]] == ["datasource"]
    sources = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
    assert sources == {"${source}"}


def test_grafana_is_told_where_the_dashboard_is() -> None:
    provisioning = FOLDER / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "genonaut.yaml").read_text())["providers"]
    assert (source["type"], provider["type"]) == ("prometheus", "file")


@dataclass(frozen=True)
class Watched:
    """A Prometheus that scrapes processes of ours each second, and where these show their metrics."""

    prometheus: str
    shown: tuple[str, ...]

    def values(self, query: str) -> list[Any]:
        asked = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": query}, timeout=10)
        return list(asked.raise_for_status().json()["data"]["result"])

    def texts(self) -> list[str]:
        return [httpx.get(url, timeout=10).text for url in self.shown]


@pytest.fixture
def watched(environ: dict[str, str], simulator: RunningSimulator, engine: Engine, folder: Path) -> Iterator[Watched]:
    """It has run a job, and another one waits for a server."""
    ports, key = free_ports(), new_key(engine)
    shown = {name: next(ports) for name in MODULES}
    api, prometheus = (f"http://127.0.0.1:{next(ports)}" for _ in range(2))
    environ = {**environ, "COMFYUI_URLS": simulator.url, "API_PORT": api.rpartition(":")[2]}
    environ["DATABASE_READ_URL"] = environ["DATABASE_URL"]  # which is no replica, and shown all the same
    with Processes() as processes, raw_server(answer(EXPORTED, Content_Type="text/plain")) as exporter:

        def start(name: str, *arguments: str, **variables: str) -> Process:
            log, ours = folder / f"{name}.log", {**environ, **variables}
            return processes.start(Command(name=name, arguments=arguments, log=log, cwd=REPOSITORY, environ=ours))

        for name, module in MODULES.items():
            start(name, sys.executable, "-m", module, METRICS_PORT=str(shown[name]))
        start("prometheus", PROMETHEUS, *options(folder, {**shown, "postgres": exporter.port}, prometheus))
        processes["api"].wait_until(lambda: status(f"{api}/health/ready") == "ready", within_s=60)
        run_job(api, bearer(key))
        with transaction(engine) as session:
            drain(session, simulator.url)
        httpx.get(f"{api}{JOBS}", headers=bearer(key), timeout=10).raise_for_status()
        httpx.post(f"{api}{JOBS}", headers=bearer(key), json=BODY, timeout=10).raise_for_status()
        yield Watched(prometheus, tuple(f"http://127.0.0.1:{port}/metrics" for port in shown.values()))


def scraped(name: str, port: int) -> list[dict[str, Any]]:
    """The jobs of one: exporters are of a replica, too, as alerts tell it."""
    job: dict[str, Any] = {"job_name": f"genonaut-{name}", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    return [job, {**job, "job_name": "replica", **OF_REPLICA}] if name == "postgres" else [job]


def options(folder: Path, shown: Mapping[str, int], address: str) -> list[str]:
    """How Prometheus is told what to scrape, and to keep to this machine and this folder."""
    jobs = [job for name, port in shown.items() for job in scraped(name, port)]
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    listen = f"--web.listen-address={address.removeprefix('http://')}"
    return [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", listen]


def run_job(api: str, headers: Mapping[str, str]) -> None:
    with httpx.Client(base_url=api, headers=headers, timeout=10) as http:
        job = http.post(JOBS, json=BODY).raise_for_status().json()
        until(lambda: http.get(f"{JOBS}/{job['id']}").json()["status"] == "completed")


@pytest.mark.system
@pytest.mark.landing
@pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason=MISSING)
def test_a_prometheus_finds_what_the_dashboard_and_the_alerts_ask_for(watched: Watched) -> None:
    for query in queries():
        if FAILED not in query:
            asked = query.replace("$__rate_interval", "30s")
            until(lambda asked=asked: watched.values(asked), lambda asked=asked: asked)  # type: ignore[misc]
    texts = watched.texts()
    shown = "".join(texts)
    named = {name for text in (*queries(), *(alert["expr"] for alert in alerts())) for name in METRIC.findall(text)}
    assert {name for name in named if f"# TYPE {re.sub('_(bucket|count)$', '', name)} " not in shown} == set()
    for text in texts:
        ours = "".join(f"{line}\n" for line in text.splitlines() if "genonaut_" in line)
        check = [PROMTOOL, "check", "metrics"]
        checked = subprocess.run(check, input=ours, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
