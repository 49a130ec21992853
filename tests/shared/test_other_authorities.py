"""A certificate of an authority that is not known here is one sentence, which says what to set."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.local.servers import Servers
from shared.configuration.settings import SettingsError, load_settings
from shared.database.encryption import PROBLEMS
from shared.database.schema import exit_unless_migrated
from shared.jobs.errors import ComfyUIUnreachable
from shared.messaging.redis_fitness import NOT_TRUSTED, redis_problem
from shared.outgoing.trust import NOT_KNOWN, trust
from tests.certificates import Certificate, certificate
from tests.simulator.running import RunningSimulator
from tests.tls_front import tls_front
from worker_service.comfyui.client import ComfyUIClient


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("made"), "localhost")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("other"), "localhost").certificate


@pytest.fixture
def encrypted(environ: dict[str, str], made: Certificate) -> Iterator[str]:
    """The URL of the test's database by TLS, up to what is told of the authority."""
    parts = urlsplit(environ["DATABASE_URL"])
    with tls_front(parts.port or 0, made, is_postgresql=True) as port:
        user = parts.netloc.rpartition("@")[0]
        yield parts._replace(netloc=f"{user}@localhost:{port}").geturl()


@pytest.mark.parametrize(
    ("host", "authority", "problem"),
    [
        ("localhost", "other", "certificate verify failed"),
        ("127.0.0.1", "made", "does not match host name"),
        ("localhost", "", "root certificate file"),
    ],
)
def test_a_service_that_would_wait_for_ever_for_postgresql_ends(
    environ: dict[str, str],
    encrypted: str,
    made: Certificate,
    other: Path,
    capsys: pytest.CaptureFixture[str],
    host: str,
    authority: str,
    problem: str,
) -> None:
    file = {"made": made.certificate, "other": other, "": None}[authority]
    query = "sslmode=verify-full" + (f"&sslrootcert={file}" if file else "")
    url = f"{encrypted.replace('@localhost', f'@{host}')}?{query}"
    with pytest.raises(SystemExit) as ended:
        exit_unless_migrated(load_settings({**environ, "DATABASE_URL": url}), application="tests")
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"DATABASE_URL: {PROBLEMS[problem]}\n"


def test_a_service_says_so_of_a_postgresql_that_does_not_encrypt(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{environ['DATABASE_URL']}?sslmode=require"
    with pytest.raises(SystemExit):
        exit_unless_migrated(load_settings({**environ, "DATABASE_URL": url}), application="tests")
    assert PROBLEMS["server does not support SSL"] in capsys.readouterr().err


def test_redis_says_it(servers: Servers, made: Certificate, other: Path) -> None:
    with tls_front(urlsplit(servers.redis_url).port or 0, made) as port:
        assert redis_problem(f"rediss://localhost:{port}?ssl_ca_certs={made.certificate}") is None
        assert redis_problem(f"rediss://localhost:{port}?ssl_ca_certs={other}") == NOT_TRUSTED
        assert redis_problem(f"rediss://127.0.0.1:{port}?ssl_ca_certs={made.certificate}") == NOT_TRUSTED


def test_comfyui_says_it(simulator: RunningSimulator, made: Certificate, other: Path) -> None:
    with tls_front(urlsplit(simulator.url).port or 0, made) as port:
        url = f"https://localhost:{port}"
        client = ComfyUIClient(url, trust(made.certificate))
        assert client.version()
        client.close()
        for tls in (trust(other), None):
            client = ComfyUIClient(url, tls)
            with pytest.raises(ComfyUIUnreachable, match="CA_FILE names a file") as refused:
                client.version()
            assert NOT_KNOWN in str(refused.value)
            client.close()


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file, says in ((empty, "certificates as PEM"), (tmp_path / "none", "No such file"), ("relative", "absolute")):
        with pytest.raises(SettingsError) as refused:
            load_settings({"CA_FILE": str(file)})
        assert says in refused.value.problems[0]
