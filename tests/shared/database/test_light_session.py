"""What stands for a session is in one transaction with the session that is made of it, and makes none without need."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, String, col

from shared.database.engine import reading, single, transaction
from shared.database.light_session import LightSession
from shared.database.prepared_statement import Prepared
from shared.models import User
from tests.jobs import USER

Enter = Callable[[Engine], AbstractContextManager[Session]]

NAME = bindparam("name", type_=String)
RENAME = Prepared(
    "rename_somebody", update(User).where(col(User.id) == USER).values(name=NAME).returning(col(User.name)), row=str
)
NAMED = Prepared("named_now", select(col(User.name)).where(col(User.id) == USER), row=str)


class Broken(Exception):
    """Raised by a test."""


def name_of(engine: Engine) -> str:
    with engine.connect() as connection:
        return connection.scalars(select(col(User.name)).where(col(User.id) == USER)).one()


def is_made(session: Session) -> bool:
    assert isinstance(session, LightSession)
    return session.made is not None


@pytest.mark.parametrize("enter", [transaction, reading, single])
def test_prepared_statements_make_no_session(engine: Engine, enter: Enter) -> None:
    with enter(engine) as session:
        assert NAMED.one_or_none(session, {}) is not None
        assert not is_made(session)
        assert session.get_one(User, USER).id == USER
        assert is_made(session)


def test_what_one_has_written_the_other_reads_and_all_is_committed(engine: Engine) -> None:
    with transaction(engine) as session:
        RENAME.one_or_none(session, {"name": "first"})
        user = session.get_one(User, USER)
        assert user.name == "first"
        user.name = "second"
        session.flush()
        assert NAMED.one_or_none(session, {}) == "second"
        user.name = "third"  # is written at the end
    assert name_of(engine) == "third"


def test_a_session_may_come_first(engine: Engine) -> None:
    with transaction(engine) as session:
        session.get_one(User, USER).name = "first"
        session.flush()
        assert RENAME.one_or_none(session, {"name": "second"}) == "second"
    assert name_of(engine) == "second"


@pytest.mark.parametrize("by_session", [False, True])
def test_what_raises_takes_all_of_it_back(engine: Engine, by_session: bool) -> None:
    before = name_of(engine)
    with pytest.raises(Broken), transaction(engine) as session:
        RENAME.one_or_none(session, {"name": "gone"})
        if by_session:
            session.get_one(User, USER).name = "gone too"
            session.flush()
        raise Broken
    assert name_of(engine) == before
    with transaction(engine) as session:  # the connection is fit for the next one
        assert NAMED.one_or_none(session, {}) == before


def test_what_cannot_be_flushed_at_the_end_takes_all_of_it_back(engine: Engine) -> None:
    before = name_of(engine)
    with pytest.raises(Exception, match="null value"), transaction(engine) as session:
        RENAME.one_or_none(session, {"name": "gone"})
        session.get_one(User, USER).name = None  # type: ignore[assignment]
    assert name_of(engine) == before


def test_a_transaction_that_asks_nothing_takes_no_connection(engine: Engine) -> None:
    with transaction(engine) as session:
        assert isinstance(session, LightSession)
        assert session.connected is None


@pytest.mark.parametrize("enter", [reading, single])
def test_each_statement_is_committed_by_itself_where_it_is_said_so(engine: Engine, enter: Enter) -> None:
    with pytest.raises(Broken), enter(engine) as session:
        RENAME.one_or_none(session, {"name": "kept"})
        began = session.scalar(select(func.now()))
        session.execute(insert(User).values(id=USER, name="kept").on_conflict_do_nothing())
        assert session.scalar(select(func.now())) != began
        raise Broken
    assert name_of(engine) == "kept"


def test_the_connection_goes_back_as_it_was(engine: Engine) -> None:
    for enter in (reading, transaction, single):
        with enter(engine) as session:
            session.get(User, USER)
            driver = session.connection().connection.dbapi_connection
            NAMED.one_or_none(session, {})
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection is driver  # the one that was used last
        connection.execute(text("SELECT 1"))
        assert connection.in_transaction()
        assert connection.scalar(text("SELECT txid_current() = txid_current()"))
