"""Who answers and refuses is told from who does not answer, and the line says what to correct."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis
from psycopg2 import sql
from sqlalchemy import Engine

from deploy.local.postgres import connected
from shared.database.sessions import POOLER_FOUND
from tests.deploy_doctor.conftest import Diagnosis, diagnosed
from tests.pooler import needs_pgbouncer, pgbouncer
from tests.refusing import plain_user
from tests.worker_service.waiting import until


@pytest.fixture
def role(environ: dict[str, str]) -> Iterator[str]:
    """A user of PostgreSQL without any rights, with its name as its password."""
    name = f"doctor_{uuid4().hex[:8]}"
    with connected(environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        cursor.execute(made.format(sql.Identifier(name), sql.Literal(name)))
        yield name
        cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def as_user(url: str, login: str, database: str | None = None) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{login}@{parts.hostname}:{parts.port}", path=database or parts.path).geturl()


def of(subject: str, found: Diagnosis) -> str:
    """The only line on it that is trouble."""
    (line,) = (one for one in found.troubles if one.startswith(f"trouble  {subject}: "))
    return line


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("wrong password", "it refuses what DATABASE_URL says: password authentication failed for user"),
        ("no database", 'it refuses what DATABASE_URL says: database "nowhere" does not exist. Correct that: '),
        ("no login", "it refuses what DATABASE_URL says: role"),
        ("no place", "it lets nobody in now: too many connections for role"),
    ],
)
def test_postgresql_refuses(environ: dict[str, str], role: str, said: str, told: str) -> None:
    changes = {"no login": "NOLOGIN", "no place": "CONNECTION LIMIT 0"}
    if said in changes:
        with connected(environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL(f"ALTER ROLE {{}} {changes[said]}").format(sql.Identifier(role)))
    login = f"{role}:{role if said != 'wrong password' else 'secret'}"
    url = as_user(environ["DATABASE_URL"], login, "/nowhere" if said == "no database" else None)
    found = diagnosed({**environ, "DATABASE_URL": url})
    assert told in of("database", found)
    assert not [line for line in found if "secret" in str(line)]
    assert not [line for line in found if line.subject == "replica"], "there is none"


@pytest.mark.parametrize("login", ["{user}:wrong@", ""], ids=["wrong password", "no password"])
def test_redis_refuses(environ: dict[str, str], redis_client: redis.Redis, login: str) -> None:
    user, parts = f"doctor-{uuid4().hex[:8]}", urlsplit(environ["REDIS_URL"])
    redis_client.execute_command("ACL", "SETUSER", user, "on", ">right", "~*", "&*", "+@all")  # type: ignore[no-untyped-call]
    try:
        url = parts._replace(netloc=f"{login.format(user=user)}{parts.hostname}:{parts.port}").geturl()
        found = diagnosed({**environ, "REDIS_URL": url})
    finally:
        redis_client.execute_command("ACL", "DELUSER", user)  # type: ignore[no-untyped-call]
    if login:
        line = of("redis", found)
        assert "that of REDIS_URL refuses the user or the password of the URL, or wants one. Correct them" in line
        assert "wrong" not in line
    else:
        assert not [line for line in found.troubles if line.startswith("trouble  redis: ")]


@pytest.mark.landing
@pytest.mark.system
@needs_pgbouncer
@pytest.mark.parametrize("mode", ["transaction", "session", "statement"])
def test_a_pooler_that_no_setting_names(environ: dict[str, str], folder: Path, mode: str) -> None:
    with pgbouncer(environ["DATABASE_URL"], folder, f"pool_mode = {mode}") as url:
        found = diagnosed({**environ, "DATABASE_URL": url})
    assert of("database", found) == f"trouble  database: {POOLER_FOUND}. Services do not start before"


@pytest.mark.landing
@pytest.mark.system
@needs_pgbouncer
def test_a_pooler_that_gives_each_statement_another_connection(environ: dict[str, str], folder: Path) -> None:
    with pgbouncer(environ["DATABASE_URL"], folder, "pool_mode = statement") as url:
        found = diagnosed({**environ, "DATABASE_URL": url, "DATABASE_POOLER": "transaction"})
    assert "ends each connection on which a transaction begins" in of("database", found)
    assert "Set pool_mode = transaction there" in of("database", found)


def troubles_after(statement: str, well: dict[str, str], engine: Engine) -> list[str]:
    """What is found for a plain user to whom that was done, once they had all rights."""
    with plain_user(engine) as url:
        user = url.partition("://")[2].partition(":")[0]
        with engine.begin() as connection:
            connection.exec_driver_sql(statement.format(user=user))
        return diagnosed({**well, "DATABASE_URL": url}).troubles


def test_a_right_that_is_lacking_is_named(well: dict[str, str], engine: Engine) -> None:
    troubles = troubles_after("REVOKE INSERT ON job_outputs FROM {user}", well, engine)
    assert any("database: its user has no right to INSERT on job_outputs" in line for line in troubles), troubles
    assert any("Some of the work fails until then" in line for line in troubles)


def test_a_schema_that_it_may_not_look_at_is_no_pooler(well: dict[str, str], engine: Engine) -> None:
    troubles = troubles_after("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {user}", well, engine)
    assert any("its user has no right to SELECT on api_keys" in line for line in troubles), troubles
    assert any("its schema is not known: permission denied for table alembic_version" in line for line in troubles)
    assert not any("PgBouncer" in line for line in troubles)


def test_a_database_that_only_reads_is_a_trouble(well: dict[str, str], engine: Engine) -> None:
    troubles = troubles_after("ALTER ROLE {user} SET default_transaction_read_only = on", well, engine)
    assert any("database: it only reads, as a standby does" in line for line in troubles), troubles


def test_who_holds_a_lock_that_others_wait_for_is_named(well: dict[str, str], engine: Engine) -> None:
    with engine.connect() as holder, holder.begin(), ThreadPoolExecutor(1) as threads:
        holder.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE user_turns")
        holder.exec_driver_sql("SET LOCAL application_name = 'somebody at psql'")
        with engine.connect() as waits:
            asking = threads.submit(waits.exec_driver_sql, "SELECT FROM user_turns")
            until(lambda: any("holds it" in line for line in diagnosed(well).troubles))
            (line,) = [line for line in diagnosed(well).troubles if "holds it" in line]
            assert "a statement waits for a lock that is held" in line
            assert ": somebody at psql holds it" in line
            assert "pg_terminate_backend(" in line
            holder.rollback()
            asking.result(20)
