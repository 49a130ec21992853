"""Real servers for all tests: PostgreSQL and Valkey once a session, an empty database and a namespace for each test."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from shared.imports import importing

with importing():
    import redis
    from sqlalchemy import Engine

    from deploy.local.postgres import Postgres, connected
    from deploy.local.servers import Servers, local_servers
    from migrations.upgrade import upgrade
    from shared.configuration.secrets.vault import new_key
    from shared.configuration.settings import Settings, load_settings
    from shared.database.engine import create_engine
    from shared.messaging.broker import sending_broker
    from shared.messaging.events import Channels
    from shared.messaging.messenger import Messenger
    from shared.messaging.redis_clients import patient_client
    from tests.buckets import S3, moto_server
    from tests.dealing import Dealer
    from tests.kept_statements import keep_statements
    from tests.lanes import ProcessGuard, is_left_out, mark_all
    from tests.lent_database import ADD_USERS, LentDatabase, new_name
    from tests.lodgings import remove_lodgings
    from tests.simulator.running import RunningSimulator, running_simulator

TEST_DATABASE = 3  # of Redis


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Tests of systems wait for others for a third of their time, so there are two processes for each processor. The
    rest hardly waits, and what each process has to learn takes ten seconds."""
    processors = os.cpu_count() or 1
    return processors + 1 if "not system" in config.option.markexpr else 2 * processors


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is collected stays, as what is imported: looking for garbage in it takes a tenth of all time."""
    with importing():
        return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return is_left_out(collection_path, config.option.markexpr, config.args) or None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ProcessGuard())
    config.pluginmanager.register(Dealer(processes=int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
    keep_statements()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests whose fixtures say what they are."""
    mark_all(items)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with local_servers(tmp_path_factory.mktemp("servers"), durable=False, environ=os.environ) as started:
        if started.postgres:
            quicken_connections(started.postgres)
        yield started


def quicken_connections(postgres: Postgres) -> None:
    """Let the password of a server of these tests be checked with one round of hashing: thousands connect to it."""
    with connected(postgres.url()) as connection, connection.cursor() as cursor:
        if connection.server_version >= 160000:
            cursor.execute("SET scram_iterations = 1")
            cursor.execute("ALTER ROLE CURRENT_USER SET scram_iterations = 1")  # for whom it makes
            cursor.execute("ALTER ROLE CURRENT_USER PASSWORD %s", [postgres.cluster.password])


@pytest.fixture(scope="session")
def template(servers: Servers) -> Iterator[str]:
    """A database at the newest revision, with two users, to be copied."""
    name = f"template_{uuid4().hex}"
    url = servers.create_database(name)
    upgrade(url)
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(ADD_USERS)
    yield name
    servers.drop_database(name)


@pytest.fixture(scope="session")
def lent_database(servers: Servers, template: str) -> Iterator[LentDatabase]:
    with connected(servers.database_url) as admin:
        database = LentDatabase(servers, admin, template)
        yield database
        database.close()


@pytest.fixture
def database_url(lent_database: LentDatabase) -> Iterator[str]:
    """A database with two users. Other tests have it before and after; see `own_database`."""
    with lent_database.lent() as url:
        yield url


@pytest.fixture
def own_database(servers: Servers, template: str) -> Iterator[str]:
    """A database for one test alone: one that fills it with many rows, looks at its plans, or ends its connections."""
    name = new_name()
    yield servers.create_database(name, template)
    servers.drop_database(name)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, for servers too: what root's PostgreSQL kept of it elsewhere is removed with it."""
    yield tmp_path
    remove_lodgings(tmp_path)


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server of S3. Skips where none is installed."""
    with moto_server(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def protocol() -> str:
    """How the simulated ComfyUI speaks; `BOTH` in tests/simulator/running.py runs a test once with each."""
    return "0.8"


@pytest.fixture
def simulator(shared_simulator: RunningSimulator, protocol: str) -> Iterator[RunningSimulator]:
    """A simulated ComfyUI as if just started; quick, unless a test changes its pace."""
    shared_simulator.reset()
    shared_simulator.speak(protocol)
    yield shared_simulator
    shared_simulator.clear_faults()


@pytest.fixture
def environ(servers: Servers, database_url: str, tmp_path: Path) -> dict[str, str]:
    """The variables of a deployment of its own: database, namespace and output folder are this test's alone.

    Its ComfyUI is one that is not there; a test that needs one names it.
    """
    return {
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.redis(TEST_DATABASE),
        "REDIS_NS": f"genonaut_test_{uuid4().hex}",
        "COMFYUI_URLS": "http://127.0.0.1:9",
        "STORAGE_URL": (tmp_path / "outputs").as_uri(),
        "API_HOST": "127.0.0.1",
    }


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with a key that secrets can be encrypted with; nobody has it unless told."""
    file = tmp_path / "secrets.key"
    file.write_text(new_key())
    return file


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = create_engine(settings, application="tests")
    yield engine
    engine.dispose()


@pytest.fixture
def redis_client(settings: Settings) -> Iterator[redis.Redis]:
    """A client whose namespace is emptied in the end. A patient one: what is told in a test is told."""
    client = patient_client(settings.redis_url)
    yield client
    with suppress(redis.RedisError):
        delete_keys(client, settings.redis_ns)
    client.close()


def delete_keys(client: redis.Redis, namespace: str) -> None:
    """Many are looked at with each question, as thousands of other tests have left theirs to expire."""
    if found := list(client.scan_iter(match=f"{namespace}:*", count=10_000)):
        client.delete(*found)


@pytest.fixture
def messenger(engine: Engine, settings: Settings, redis_client: redis.Redis) -> Iterator[Messenger]:
    messenger = Messenger(engine, sending_broker(settings), redis_client, Channels(settings.redis_ns))
    yield messenger
    messenger.close()
