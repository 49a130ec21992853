"""A database whose schema is not the one the code needs is told of in one sentence, by every service at its start."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from deploy.local.servers import Servers
from migrations.upgrade import downgrade, upgrade
from shared.database.engine import transaction
from shared.database.schema import NEEDED, REVISIONS, WORKS_SINCE, schema_problem
from tests.sweeps import rest_at_landing

ROOT = Path(__file__).parents[3]
SERVICES = ["api_service", "worker_service", "worker_service.scheduler"]


@pytest.fixture
def database_url(own_database: str) -> str:
    """Its schema changes."""
    return own_database


def test_the_revisions_are_those_of_the_migrations() -> None:
    newest_first = [script.revision for script in ScriptDirectory("migrations").walk_revisions()]
    assert list(REVISIONS) == newest_first[::-1]


def started(module: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ, "API_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def at_revision(engine: Engine, revision: str) -> None:
    with transaction(engine) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.fixture
def empty(servers: Servers) -> str:
    return servers.create_database(f"empty_{uuid4().hex}")


@pytest.mark.system
@pytest.mark.parametrize("module", rest_at_landing(SERVICES))
def test_a_service_does_not_start_on_a_database_without_a_schema(
    module: str, environ: dict[str, str], empty: str, servers: Servers
) -> None:
    ended = started(module, {**environ, "DATABASE_URL": empty})
    servers.drop_database(empty.rpartition("/")[2])
    assert ended.returncode not in {0, 2}
    assert ended.stderr.splitlines()[0] == "DATABASE_URL: the database has no schema: run `make migrate`"
    assert "Traceback" not in ended.stderr + ended.stdout


@pytest.mark.system
@pytest.mark.parametrize("module", [SERVICES[0], *(pytest.param(one, marks=pytest.mark.long) for one in SERVICES[1:])])
def test_a_service_does_not_start_on_an_older_schema(module: str, environ: dict[str, str], engine: Engine) -> None:
    at_revision(engine, REVISIONS[2])
    ended = started(module, environ)
    assert ended.returncode not in {0, 2}
    said = f"DATABASE_URL: the database is at revision {REVISIONS[2]}, and this code needs {NEEDED}: run `make migrate`"
    assert ended.stderr.splitlines()[0] == said
    assert "Traceback" not in ended.stderr + ended.stdout


def note(engine: Engine, revision: str) -> None:
    with transaction(engine) as session:
        session.connection().execute(text(f"COMMENT ON TABLE alembic_version IS '{WORKS_SINCE}{revision}'"))


def test_a_newer_schema_that_this_code_does_not_work_with_is_not_to_be_migrated(engine: Engine) -> None:
    assert schema_problem(engine) is None
    at_revision(engine, "from_the_future")
    note(engine, "from_the_future")
    problem = schema_problem(engine) or ""
    assert "from_the_future, which this code does not know" in problem
    assert "make migrate" not in problem


def test_code_works_on_with_a_newer_schema_whose_migrations_only_added(engine: Engine) -> None:
    at_revision(engine, "from_the_future")
    assert schema_problem(engine) is None, "the migrations of today noted what they work with"
    note(engine, NEEDED)
    assert schema_problem(engine) is None


def test_a_database_that_was_migrated_down_to_nothing_has_no_schema(environ: dict[str, str], engine: Engine) -> None:
    downgrade(environ["DATABASE_URL"], "base")
    assert schema_problem(engine) == "the database has no schema: run `make migrate`"
    upgrade(environ["DATABASE_URL"])
    assert schema_problem(engine) is None
