"""What broke under a statement has done nothing and is done again, once; what broke at its commit is not."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from deploy.local.postgres import connected
from shared.configuration.settings import Settings
from shared.database.engine import once_more, reading, transaction

PID, NOTE = (
    text("SELECT pg_backend_pid()"),
    text("INSERT INTO users (id, name) VALUES (gen_random_uuid(), 'noted ' || gen_random_uuid())"),
)
NOTED = text("SELECT count(*) FROM users WHERE name LIKE 'noted %'")


@pytest.fixture
def database_url(own_database: str) -> str:
    return own_database


def end(settings: Settings, session: Session) -> None:
    """End the connection of a session, as PostgreSQL does when an operator asks for it."""
    pid = session.connection().scalar(PID)
    with connected(settings.database_url.replace("+psycopg2", "")) as another, another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.parametrize("times", [1, 2])
def test_work_is_done_again_once(engine: Engine, settings: Settings, times: int) -> None:
    tried = []

    def work() -> None:
        with transaction(engine) as session:
            session.connection().execute(NOTE)
            tried.append(1)
            if len(tried) <= times:
                end(settings, session)
            session.connection().execute(NOTE)

    if times == 1:
        once_more(work)
    else:
        with pytest.raises(DBAPIError):
            once_more(work)
    with reading(engine) as session:
        assert (len(tried), session.connection().scalar(NOTED)) == (2, 2 if times == 1 else 0)


def test_what_broke_at_its_commit_is_not_done_again(engine: Engine, settings: Settings) -> None:
    tried = []

    def work() -> None:
        with transaction(engine) as session:
            session.connection().execute(NOTE)
            tried.append(1)
            end(settings, session)

    with pytest.raises(DBAPIError):
        once_more(work)
    assert len(tried) == 1


def test_what_the_database_refuses_is_not_asked_again(engine: Engine) -> None:
    tried = []

    def work() -> None:
        tried.append(1)
        with reading(engine) as session:
            session.connection().execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        once_more(work)
    assert len(tried) == 1
