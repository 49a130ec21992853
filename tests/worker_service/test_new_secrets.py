"""Each secret is replaced while the system is at work: no request and no job fails, and the old one is of no use."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis
from psycopg2 import OperationalError, sql
from starlette.testclient import TestClient

from api_service.accounts.resealing import PLACES, Resealed, reseal
from api_service.main import create_app
from deploy.local.postgres import connected, named
from deploy.local.servers import Servers
from shared.configuration.secrets.vault import NoVault, Vault, new_key
from shared.configuration.settings import load_settings
from shared.models import ComfyUIServer, GenerationJob
from tests import jobs, kept_statements
from tests.api_service.conftest import bearer
from tests.api_service.conftest import new_key as new_api_key
from tests.worker_service.deployment import Deployment
from tests.worker_service.running_worker import RunningWorker

URL = "/api/v1/generation-jobs/"
BODY = {"prompt": "a cat", "checkpoint_model": "random_sd15.safetensors", "width": 64, "height": 64}


class Logins:
    """Users of PostgreSQL and of Redis that a test makes, and files with the URLs by which they log in."""

    def __init__(self, servers: Servers, environ: dict[str, str], folder: Path) -> None:
        self.servers, self.environ, self.folder = servers, environ, folder
        self.name = f"app_{uuid4().hex[:8]}"
        self.roles: list[str] = []
        self.redis = redis.Redis.from_url(environ["REDIS_URL"])

    def write_database_url(self, password: str) -> str:
        """Make a role with this password, which is its name too, and have the file name it."""
        role = f"{self.name}_{password}"
        with connected(self.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            made = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}")
            cursor.execute(made.format(sql.Identifier(role), sql.Literal(password)))
        self.roles.append(role)
        return self.write("database", self.environ["DATABASE_URL"], role, password)

    def write_redis_url(self, password: str) -> str:
        self.tell_redis("ACL", "SETUSER", self.name, "on", f">{password}", "~*", "&*", "+@all")
        return self.write("redis", self.environ["REDIS_URL"], self.name, password)

    def write(self, kind: str, url: str, user: str, password: str) -> str:
        file, parts = self.folder / f"{kind}.url", urlsplit(url)
        new = self.folder / f"{kind}.new"
        new.write_text(f"{parts._replace(netloc=f'{user}:{password}@{parts.hostname}:{parts.port}').geturl()}\n")
        new.replace(file)  # as Kubernetes does
        return str(file)

    def end_database_user(self, password: str) -> None:
        """It may not log in any more, and what it does between two statements ends."""
        role = f"{self.name}_{password}"
        with connected(self.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND state = 'idle'"
            cursor.execute(ended, [role])

    def end_redis_password(self, password: str) -> None:
        self.tell_redis("ACL", "SETUSER", self.name, f"<{password}")
        self.tell_redis("CLIENT", "KILL", "USER", self.name)

    def tell_redis(self, *words: str) -> None:
        self.redis.execute_command(*words)  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        self.tell_redis("ACL", "DELUSER", self.name)
        self.redis.close()
        with connected(named(self.environ["DATABASE_URL"], "postgres")) as connection, connection.cursor() as cursor:
            for role in self.roles:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
                cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture(autouse=True)
def dialects_of_its_own() -> Iterator[None]:
    """Who logs in by a file says so to its dialect, and tests share theirs."""
    kept_statements.made.clear()
    yield
    kept_statements.made.clear()


@pytest.fixture
def logins(servers: Servers, environ: dict[str, str], tmp_path: Path) -> Iterator[Logins]:
    logins = Logins(servers, environ, tmp_path)
    yield logins
    logins.remove()


@pytest.fixture
def client(deployment: Deployment, logins: Logins) -> Iterator[TestClient]:
    """Asks an API that has a worker, both of which read their logins from files."""
    variables = {
        **deployment.environ,
        "DATABASE_URL_FILE": logins.write_database_url("old"),
        "REDIS_URL_FILE": logins.write_redis_url("old"),
    }
    del variables["DATABASE_URL"], variables["REDIS_URL"]
    key = new_api_key(deployment.messenger.engine)
    worker = RunningWorker(variables)
    worker.look()
    worker.worker.start()
    try:
        with TestClient(create_app(load_settings(variables)), headers=bearer(key)) as client:
            yield client
    finally:
        worker.stop()


def a_job_is_done(client: TestClient) -> None:
    made = client.post(URL, json=BODY, headers={"Prefer": "wait=20"})
    assert made.status_code == 201, made.text
    assert made.json()["status"] == "completed", made.text


def test_passwords_of_postgresql_and_redis(client: TestClient, logins: Logins) -> None:
    a_job_is_done(client)
    old = Path(logins.folder, "database.url").read_text().strip()
    logins.write_database_url("new")
    logins.write_redis_url("new")
    a_job_is_done(client)
    logins.end_database_user("old")
    logins.end_redis_password("old")
    for _ in range(3):
        a_job_is_done(client)
    with pytest.raises(OperationalError), connected(old):
        pass
    assert client.get("/health/ready").json()["redis"]["ok"]


@pytest.mark.landing
def test_nobody_is_answered_503_while_connections_end(client: TestClient, logins: Logins) -> None:
    """A statement may be on its way when its connection ends, before anybody can see that."""
    a_job_is_done(client)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND state = 'idle'"
    answers = []
    with connected(logins.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        for _ in range(40):
            cursor.execute(ended, [logins.roles[0]])
            answers.append(client.get("/api/v1/me"))
            cursor.execute(ended, [logins.roles[0]])
            answers.append(client.post(URL, json=BODY))
    assert not [answer.text for answer in answers if not answer.is_success]


def test_the_key_that_encrypts(deployment: Deployment, key_file: Path) -> None:
    old, new, lost = key_file.read_text(), new_key(), new_key()
    vault, engine = Vault(key_file), deployment.messenger.engine
    job_id = jobs.submitted(deployment.messenger)
    with deployment.messenger.transaction() as session:
        session.get_one(GenerationJob, job_id).secrets = vault.seal({"api_key_comfy_org": "hunter2"})
        session.add(ComfyUIServer(name="http://added:8188", credentials=vault.seal({"X-API-Key": "hunter2"})))
    key_file.write_text(f"{new}\n{old}\n")
    with deployment.messenger.transaction() as session:
        session.add(ComfyUIServer(name="http://newer:8188", credentials=vault.seal({})))
    assert [reseal(engine, vault, place) for place in PLACES] == [
        Resealed("secrets of jobs", 1, 0, 0),
        Resealed("credentials of servers", 1, 1, 0),
    ]
    key_file.write_text(new)
    assert vault.opened(deployment.job(job_id).secrets or "") == {"api_key_comfy_org": "hunter2"}
    assert vault.opened(deployment.server("http://added:8188").credentials or "") == {"X-API-Key": "hunter2"}
    key_file.write_text(lost)
    assert str(reseal(engine, vault, PLACES[0])).endswith("1 are of no key in the file")
    with pytest.raises(NoVault):
        vault.opened(deployment.job(job_id).secrets or "")
    with deployment.messenger.transaction() as session:
        session.get_one(GenerationJob, job_id).secrets = None
