"""Whatever a test did to the database it was lent, and whoever it left connected, the next finds it as if new."""

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from deploy.local.postgres import connected
from deploy.local.servers import Servers
from tests.lent_database import DELETE_ALL, LentDatabase

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
FILL = """
INSERT INTO users (id, name) VALUES (gen_random_uuid(), 'a third');
UPDATE users SET stored_bytes = 7;
INSERT INTO generation_jobs (user_id, job_type, status, prompt) SELECT id, 'image', 'completed', 'a cat' FROM users;
INSERT INTO job_events (job_id, sequence, type, attempt) SELECT id, 1, 'queued', 0 FROM generation_jobs;
INSERT INTO comfyui_servers (name) VALUES ('http://gpu:8188');
INSERT INTO workers (id, threads) VALUES ('somebody', 1);
INSERT INTO discarded_folders (folder) VALUES ('1/1');
"""


@pytest.fixture
def lent_database(servers: Servers, template: str) -> Iterator[LentDatabase]:
    """One of this test's own."""
    with connected(servers.database_url) as admin:
        database = LentDatabase(servers, admin, template)
        yield database
        database.close()


def tables_of(connection: Connection) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        return [name for (name,) in cursor.fetchall()]


def contents(url: str) -> dict[str, list[str]]:
    """The rows of every table, without times, and what the sequences give next."""
    found = {}
    with connected(url) as connection, connection.cursor() as cursor:
        for table in tables_of(connection):
            cursor.execute(f"SELECT (to_jsonb(t) - 'created_at')::text FROM {table} AS t ORDER BY 1")
            found[table] = [row for (row,) in cursor.fetchall()]
        cursor.execute("SELECT sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences ORDER BY 1")
        found["sequences"] = [row for (row,) in cursor.fetchall()]
    return found


def test_it_is_lent_again_as_it_was_made(lent_database: LentDatabase) -> None:
    with lent_database.lent() as url:
        before = contents(url)
        with connected(url) as connection, connection.cursor() as cursor:
            cursor.execute(FILL)
        assert contents(url) != before
    with lent_database.lent() as url:
        assert contents(url) == before
    assert len(before["users"]) == 2


def test_every_table_is_emptied(lent_database: LentDatabase) -> None:
    with lent_database.lent() as url, connected(url) as connection:
        assert sorted(DELETE_ALL) == [f"DELETE FROM {table}" for table in tables_of(connection)]


def test_a_transaction_that_was_left_open_is_ended_and_holds_up_nobody(lent_database: LentDatabase) -> None:
    with lent_database.lent() as url:
        with connected(url) as connection, connection.cursor() as cursor:
            cursor.execute(FILL)
        left = psycopg2.connect(url.replace("+psycopg2", ""))
        with left.cursor() as cursor:
            cursor.execute("LOCK TABLE generation_jobs")
        began = time.monotonic()
    assert time.monotonic() - began < 5
    with closing(left), pytest.raises(psycopg2.Error), left.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_who_comes_back_after_a_test_does_not_reach_the_next_ones_database(lent_database: LentDatabase) -> None:
    with lent_database.lent() as earlier:
        pass
    with lent_database.lent() as url, pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        assert url != earlier
        with connected(earlier):
            pytest.fail("connected")


STATE = """
SELECT pg_backend_pid(), current_setting('application_name'), current_setting('work_mem'),
    (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
    to_regclass('pg_temp.left_behind')
"""
LEAVE = (
    "SET work_mem = '5MB'; PREPARE it AS SELECT 1; SELECT pg_advisory_lock(1); CREATE TEMP TABLE left_behind (x int)"
)


def test_a_connection_that_an_engine_closed_is_lent_again_as_if_new(lent_database: LentDatabase) -> None:
    found = []
    for _ in range(3):
        with lent_database.lent() as url:
            engine = create_engine(url, connect_args={"application_name": "a test"})
            with engine.connect() as connection:
                found.append(connection.execute(text(STATE)).one())
                connection.exec_driver_sql(LEAVE)
                connection.commit()
            engine.dispose()
    assert found[0] == found[1] == found[2]
    assert found[0][1:] == ("a test", "4MB", 0, 0, None)


def test_one_that_was_not_closed_or_is_somebody_elses_is_not_lent_again(lent_database: LentDatabase) -> None:
    processes = []
    with lent_database.lent() as earlier:
        left = create_engine(earlier).connect()
        processes.append(left.scalar(text("SELECT pg_backend_pid()")))
    with pytest.raises(DBAPIError):
        left.scalar(text("SELECT 1"))
    left.invalidate()
    with lent_database.lent() as url:
        for whose in (url, lent_database.own_url, url):
            engine = create_engine(whose)
            with engine.connect() as connection:
                processes.append(connection.scalar(text("SELECT pg_backend_pid()")))
            engine.dispose()
        with pytest.raises(DBAPIError, match="authentication failed"):
            create_engine(earlier).connect()
    assert len(set(processes)) == 3
    assert processes[1] == processes[3]


def test_one_that_a_test_has_ended_is_not_lent_again(lent_database: LentDatabase) -> None:
    for _ in range(2):
        with lent_database.lent() as url:
            engine = create_engine(url)
            with engine.connect() as connection:
                process = connection.scalar(text("SELECT pg_backend_pid()"))
            engine.dispose()
            with connected(url) as other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [process])
