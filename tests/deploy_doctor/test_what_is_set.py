"""The doctor reaches store and servers as the services do: by all that their settings say of them."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine

from deploy.doctor.finding import Mark
from deploy.doctor.looks.redis_server import told_by
from deploy.local.servers import Servers
from shared.database.encryption import PROBLEMS
from shared.messaging.redis_fitness import IN_CLUSTER, NOT_TRUSTED
from tests.certificates import certificate
from tests.deploy_doctor.conftest import add_output, diagnosed
from tests.tls_front import tls_front


def test_a_store_that_files_move_from_has_them_too(well: dict[str, str], engine: Engine, tmp_path: Path) -> None:
    former = tmp_path / "former"
    (former / "a/1/1").mkdir(parents=True)
    (former / "a/1/1/a.png").touch()
    add_output(engine)
    moving = {**well, "STORAGE_URL": (tmp_path / "later").as_uri(), "STORAGE_MOVING_FROM": former.as_uri()}
    assert "ok       storage: the newest outputs are here" in diagnosed(moving).lines(Mark.OK)


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
