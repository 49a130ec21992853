"""What is written for Compose, Kubernetes and systemd is what their own tools accept, strictly."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.configuration.settings import VARIABLES
from shared.version import VERSION

pytestmark = pytest.mark.system

DEPLOY = Path(__file__).parents[2] / "deploy"
PRODUCTION = DEPLOY / "kubernetes" / "overlays" / "production"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
AT_MOST_S = 60


def said_by(program: str, *arguments: str, text: str = "") -> str:
    """What a program printed that had nothing to complain of. Skips the test where the program is not there."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed on this machine")
    command = [program, *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=AT_MOST_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def production() -> list[str]:
    """The objects of the overlay, one text each, as kustomize makes them."""
    return said_by("kubectl", "kustomize", str(PRODUCTION)).split("\n---\n")


@pytest.fixture(scope="module")
def with_replica() -> list[str]:
    """The same with a replica beside it."""
    return said_by("kubectl", "kustomize", str(DEPLOY / "kubernetes" / "overlays" / "replica")).split("\n---\n")


def kind_of(manifest: str) -> str:
    return str(re.findall(r"(?m)^kind: (\w+)$", manifest)[0])


def test_the_compose_file_is_as_its_schema_wants_it() -> None:
    said_by("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))


def test_kubernetes_objects_are_as_their_schemas_want_them(with_replica: list[str], tmp_path: Path) -> None:
    known = [manifest for manifest in with_replica if "apiVersion: keda.sh/" not in manifest]
    assert len(known) == len(with_replica) - 2  # KEDA's own kinds have their schemas elsewhere
    written = tmp_path / "production.yaml"
    written.write_text("\n---\n".join(known))
    assert said_by("kubernetes-validate", "--strict", str(written)).count(" passed ") == len(known)


# What the last keeps out is a variable for each service of the namespace, such as API_PORT=tcp://10.0.0.1:80.
OF_EVERY_POD = (
    "readOnlyRootFilesystem: true",
    "runAsNonRoot: true",
    "automountServiceAccountToken: false",
    "enableServiceLinks: false",
)


def test_every_pod_runs_without_rights_and_has_no_variables_but_ours(with_replica: list[str]) -> None:
    pods = [manifest for manifest in with_replica if kind_of(manifest) in {"Deployment", "Job", "StatefulSet"}]
    assert len(pods) == 5
    for pod in pods:
        assert [pod.count(line) for line in OF_EVERY_POD] == [1] * len(OF_EVERY_POD), pod
        assert "genonaut-secrets" in pod
        assert re.search(r"memory: \w+\n +requests:", pod)


def test_the_overlay_with_a_replica_is_production_and_what_a_replica_takes(
    production: list[str], with_replica: list[str]
) -> None:
    assert len(with_replica) == len(production) + 4
    (settings,) = [one for one in with_replica if kind_of(one) == "ConfigMap" and "APP_ENV" in one]
    assert "DATABASE_READ_URL_FILE: /run/secrets/genonaut/DATABASE_READ_URL\n" in settings
    assert "DATABASE_READ_URL_FILE" in VARIABLES
    (pod,) = [one for one in with_replica if kind_of(one) == "StatefulSet"]
    (script,) = [one for one in with_replica if kind_of(one) == "ConfigMap" and "replica.sh" in one]
    named = re.findall(r"(?m)^  name: (postgres-replica-\w+)$", script)
    assert f"name: {named[0]}\n" in pod
    assert "path: REPLICATION_URL" in pod
    # Its own secret alone.
    assert "secretName: genonaut-secrets" in pod
    assert "key: DATABASE_URL" not in pod


def test_the_overlay_names_the_images_of_this_version() -> None:
    tags = re.findall(r"newTag: ([^}\s]+)", (PRODUCTION / "kustomization.yaml").read_text())
    assert tags == [VERSION] * 4


def test_each_pod_reads_its_secrets_from_files_that_are_settings(production: list[str]) -> None:
    (settings,) = [manifest for manifest in production if kind_of(manifest) == "ConfigMap"]
    files = dict(re.findall(r"(?m)^  (\w+_FILE): (\S+)$", settings))
    assert set(files) == {"DATABASE_URL_FILE", "REDIS_URL_FILE"} <= VARIABLES
    assert all(path == f"/run/secrets/genonaut/{name.removesuffix('_FILE')}" for name, path in files.items())
    pods = [manifest for manifest in production if kind_of(manifest) in {"Deployment", "Job"}]
    for pod in pods:
        assert re.search(r"mountPath: /run/secrets/genonaut\n +name: secrets\n +readOnly: true", pod)
        assert re.search(r"name: secrets\n +secret:\n +defaultMode: 288\n +secretName: genonaut-secrets", pod)
        # A variable from the same secret would be set beside the file.
        assert "name: genonaut-secrets" not in pod


def test_compose_gives_passwords_as_files_alone() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    files = set(re.findall(r"(\w+_FILE): /run/secrets/(\w+)", text))
    ours, others = {"DATABASE_URL_FILE"}, {"POSTGRES_PASSWORD_FILE", "DATA_SOURCE_PASS_FILE", "PRIMARY_URL_FILE"}
    assert {name for name, _ in files} == ours | others
    assert ours <= VARIABLES
    assert {secret for _, secret in files} == set(re.findall(r"(?m)^  (\w+): \{file: \./secrets/\1\}$", text))
    assert "secrets: [database_url]" in text.partition("x-environment")[0]
    assert not re.search(r"POSTGRES_PASSWORD\b|postgresql://", text)


def test_nothing_in_compose_depends_on_what_depends_on_something_else() -> None:
    """podman 4 starts nothing that does. What migrates waits by itself."""
    text = (DEPLOY / "compose.yaml").read_text()
    services = dict(
        re.findall(
            r"(?ms)^  ([a-z-]+):\n(.*?)(?=^  [a-z-]+:\n|^[a-z]|\Z)",
            text.partition("\nservices:\n")[2].partition("\nsecrets:\n")[0],
        )
    )
    depending = {name for name, said in services.items() if "depends_on:" in said}
    assert depending == {"api", "worker", "scheduler", "postgres-replica"}
    needed = set(re.findall(r"(?m)^ +([a-z]+): \{condition: ", text))
    assert needed == {"migrate", "postgres", "redis"} <= services.keys() - depending
    assert 'command: [python, -m, migrations, --wait, "60"]' in services["migrate"]


def test_lists_are_read_from_a_replica_of_compose_where_a_file_is_named_for_it() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    assert "DATABASE_READ_URL_FILE: ${READ_URL:+/run/secrets/database_read_url}" in text
    # A secret has to be a file that is there, also where nobody reads it.
    assert 'database_read_url: {file: "./secrets/${READ_URL:-database_url}"}' in text
    assert "\nREAD_URL=\n" in (DEPLOY / "compose.env.example").read_text()
    mounted = re.findall(r"- \./(\S+):\S+:ro", text)
    assert {name for name in mounted if name.startswith("postgres/")} == {"postgres/pg_hba.conf", "postgres/replica.sh"}
    assert [name for name in mounted if not (DEPLOY / name).exists()] == []


def test_prometheus_scrapes_each_exporter_of_compose() -> None:
    scraped = (DEPLOY / "monitoring" / "prometheus" / "prometheus.yml").read_text()
    exporters = set(re.findall(r"(?m)^  (\S+-exporter):$", (DEPLOY / "compose.yaml").read_text()))
    assert exporters == set(re.findall(r"[a-z-]+-exporter", scraped)) == {
        "postgres-exporter", "postgres-replica-exporter", "redis-exporter",
    }  # fmt: skip


def test_no_object_holds_a_secret(production: list[str]) -> None:
    assert "Secret" not in {kind_of(manifest) for manifest in production}
    assert not [manifest for manifest in production if "postgresql://" in manifest]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_accepts_each_unit(unit: Path, tmp_path: Path) -> None:
    """With a Python and a user that are here: systemd wants those to exist."""
    here = re.sub(r"/opt/genonaut/\w+/bin/python", "/bin/sh", unit.read_text())
    written = tmp_path / unit.name
    written.write_text(re.sub(r"(?m)^(User|Group)=genonaut$", r"\1=root", here))
    assert not said_by("systemd-analyze", "verify", str(written))


def test_a_worker_gets_one_signal_and_every_service_is_started_again() -> None:
    texts = {unit.name: unit.read_text() for unit in UNITS}
    assert "KillMode=mixed" in texts["genonaut-worker@.service"]
    assert {name for name, text in texts.items() if "Restart=always" not in text} == {"genonaut-migrate.service"}
