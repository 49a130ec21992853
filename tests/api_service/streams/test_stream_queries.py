"""What streams ask of the database is found by its indexes, however many jobs have ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from api_service.streams import stream_queries
from shared.messaging.messenger import Messenger
from tests.jobs import USER, running, submitted

ENDED = 30_000

FILL = text("""
    INSERT INTO generation_jobs (user_id, job_type, status, prompt, created_at, completed_at, events)
    SELECT :user_id, 'image', 'completed', 'a cat', at, at + interval '1 minute', 3
    FROM (SELECT now() - n * interval '1 minute' - interval '1 hour' AS at FROM generate_series(1, :jobs) AS n) AS them
""")


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


@pytest.fixture
def full(messenger: Messenger) -> Messenger:
    """A few jobs that go on, among many that have ended."""
    running(messenger)
    submitted(messenger)
    with messenger.engine.begin() as connection:
        connection.execute(FILL, {"user_id": USER, "jobs": ENDED})
        connection.execute(
            text(
                "INSERT INTO job_events (job_id, sequence, type, attempt) SELECT id, 1, 'queued', 0 "
                "FROM generation_jobs WHERE status = 'completed'"
            )
        )
    with messenger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE generation_jobs, job_events"))
    return messenger


@contextmanager
def asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def ask_live(engine: Engine) -> object:
    return stream_queries.live_jobs(engine, USER, 1001)


def ask_live_of_all(engine: Engine) -> object:
    return stream_queries.live_jobs(engine, None, 1001)


def ask_new(engine: Engine) -> object:
    return stream_queries.jobs_since(engine, [USER], datetime.now(UTC) - timedelta(seconds=5))


def ask_new_of_all(engine: Engine) -> object:
    return stream_queries.jobs_since(engine, None, datetime.now(UTC) - timedelta(seconds=5))


def ask_some(engine: Engine) -> object:
    return stream_queries.some_jobs(engine, range(1, 1001), USER)


def ask_events(engine: Engine) -> object:
    return stream_queries.events_since(engine, {1: 0, 2: 1})


def ask_story(engine: Engine) -> object:
    return stream_queries.events_of(engine, 1, USER, 0)


QUESTIONS = [ask_live, ask_live_of_all, ask_new, ask_new_of_all, ask_some, ask_events, ask_story]


def test_no_question_reads_a_whole_table(full: Messenger) -> None:
    for ask in QUESTIONS:
        with asked(full.engine) as statements:
            ask(full.engine)
        for statement, parameters in statements:
            with full.engine.connect() as connection:
                rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
                plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan on generation_jobs" not in plan, f"{name_of(ask)}\n{plan}"
            assert "Seq Scan on job_events" not in plan, f"{name_of(ask)}\n{plan}"
            assert most_read(plan) < 2000, f"{name_of(ask)}\n{plan}"


def name_of(ask: Callable[[Engine], object]) -> str:
    return getattr(ask, "__name__", "?")


def most_read(plan: str) -> int:
    """How many rows were read and thrown away at any place of a plan."""
    removed = (line.rpartition(" ")[2] for line in plan.splitlines() if "Rows Removed by Filter" in line)
    return max(map(int, removed), default=0)
