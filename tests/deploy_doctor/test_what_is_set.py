"""The doctor reaches store and servers as the services do: by all that their settings say of them."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import start_http_server
from sqlalchemy import Engine

from deploy.doctor.finding import Mark
from deploy.doctor.looks.redis_server import told_by
from deploy.local.ports import free_ports
from deploy.local.servers import Servers
from shared.database.encryption import PROBLEMS
from shared.messaging.redis_fitness import IN_CLUSTER, NOT_TRUSTED
from shared.metrics.exposition import new_registry
from tests.certificates import certificate
from tests.deploy_doctor.conftest import add_output, diagnosed
from tests.raw_server import raw_server
from tests.tls_front import tls_front


def test_a_store_that_files_move_from_has_them_too(well: dict[str, str], engine: Engine, tmp_path: Path) -> None:
    former = tmp_path / "former"
    (former / "a/1/1").mkdir(parents=True)
    (former / "a/1/1/a.png").touch()
    add_output(engine)
    moving = {**well, "STORAGE_URL": (tmp_path / "later").as_uri(), "STORAGE_MOVING_FROM": former.as_uri()}
    assert "ok       storage: the newest outputs are here" in diagnosed(moving).lines(Mark.OK)


def test_a_store_that_files_move_from_and_that_is_not_there(well: dict[str, str], tmp_path: Path) -> None:
    found = diagnosed({**well, "STORAGE_MOVING_FROM": (tmp_path / "nowhere").as_uri()})
    (line,) = (one for one in found.troubles if "storage" in one)
    assert "storage: the store that files move from cannot be read from here: No such file or directory" in line


def test_a_store_that_cannot_be_as_it_is_set(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "perhaps")
    (trouble,) = diagnosed({**environ, "STORAGE_URL": "s3://bucket"}).troubles
    assert "settings: STORAGE_URL: the object store cannot be used as it is set: " in trouble


def test_authorities_of_ones_own_are_trusted_where_services_trust_them(
    well: dict[str, str], servers: Servers, tmp_path: Path
) -> None:
    made = certificate(tmp_path, "localhost")
    with tls_front(urlsplit(servers.redis_url).port or 0, made) as port, tls_front(port, made) as comfyui:
        encrypted = {
            "REDIS_URL": f"rediss://localhost:{port}?ssl_ca_certs={made.certificate}",
            "COMFYUI_URLS": f"https://localhost:{comfyui}",
            "CA_FILE": str(made.certificate),
        }
        found = diagnosed({**well, **encrypted})
    certificates = [finding for finding in found if finding.subject == "certificates"]
    assert [finding.text.partition(")")[0] for finding in certificates] == [
        f"that of localhost:{port} (REDIS_URL", f"that of localhost:{comfyui} (COMFYUI_URLS",
    ]  # fmt: skip
    assert all("is good until" in finding.text for finding in certificates), certificates


def test_what_ends_a_service_at_its_start_is_said_in_the_same_words(
    well: dict[str, str], servers: Servers, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    made, other = certificate(tmp_path, "localhost"), certificate(tmp_path / "other", "localhost")
    with tls_front(urlsplit(servers.redis_url).port or 0, made) as port:
        found = diagnosed({
            **well,
            "REDIS_URL": f"rediss://localhost:{port}?ssl_ca_certs={other.certificate}",
            "DATABASE_URL": f"{well['DATABASE_URL']}?sslmode=require",
        })  # fmt: skip
    assert any(f"that of REDIS_URL does not answer: {NOT_TRUSTED}" in line for line in found.troubles)
    assert any(f"it does not answer: {PROBLEMS['server does not support SSL']}" in line for line in found.troubles)
    troubles = [str(finding) for finding in told_by("REDIS_URL", {"redis_version": "8.0", "cluster_enabled": 1})]
    assert f"trouble  redis: that of REDIS_URL cannot be used: {IN_CLUSTER}. No service starts before" in troubles


def test_a_port_for_metrics_where_one_of_ours_is(well: dict[str, str]) -> None:
    server, thread = start_http_server(0, "127.0.0.1", new_registry("worker"))
    found = diagnosed({**well, "METRICS_PORT": str(server.server_port)})
    server.shutdown()
    server.server_close()
    thread.join()
    assert f"ok       metrics: a service of ours shows them at 127.0.0.1:{server.server_port}" in found.lines(Mark.OK)
    assert not [line for line in found.troubles if "metrics" in line]


def test_a_port_for_metrics_that_is_free_or_on_another_machine(well: dict[str, str]) -> None:
    port = next(free_ports())
    free = diagnosed({**well, "METRICS_PORT": str(port)})
    assert f"ok       metrics: nobody is at 127.0.0.1:{port} (METRICS_PORT): it is free" in free.lines(Mark.OK)
    away = diagnosed({**well, "METRICS_PORT": str(port), "METRICS_HOST": "elsewhere.invalid"})
    (line,) = (one for one in away.troubles if "metrics" in one)
    assert "metrics: elsewhere.invalid (METRICS_HOST) cannot be reached from here: " in line


@pytest.mark.parametrize("says", [b"HTTP/1.0 200 OK\r\n\r\na page\n", b"HTTP/1.0 404 No\r\n\r\n", b"220 mail\r\n", b""])
def test_a_port_for_metrics_that_another_program_has(well: dict[str, str], says: bytes) -> None:
    with raw_server(says) as server:
        found = diagnosed({**well, "METRICS_PORT": str(server.port)})
    (line,) = (one for one in found.troubles if "metrics" in one)
    assert f"metrics: 127.0.0.1:{server.port} (METRICS_PORT) is taken by a program that is none of ours" in line
