"""A prepared statement says what the plain one says, is known to each connection that has run it, and planned anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    ARRAY,
    Connection,
    Engine,
    Integer,
    Interval,
    String,
    any_,
    bindparam,
    cast,
    column,
    event,
    func,
    inspect,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import Session, col

from shared.database.engine import reading, transaction
from shared.database.prepared_rows import columns_of, whole_rows
from shared.database.prepared_statement import Prepared
from shared.database.troubles.unavailable import is_not_there, is_unavailable
from shared.models import GenerationJob, JobStatus, User
from tests.jobs import ANOTHER_USER, USER

WORDS = bindparam("words", type_=ARRAY(String))
NUMBER = bindparam("number", type_=Integer)
DIVIDED = Prepared("divided", select(10 / NUMBER), row=float)
KNOWN = text("SELECT name, prepare_time FROM pg_prepared_statements")


def known_to(connection: Connection) -> dict[str, object]:
    return {row.name: row.prepare_time for row in connection.execute(KNOWN)}


def test_what_changes_is_given_each_time_and_what_does_not_is_part_of_it(engine: Engine) -> None:
    named = select(col(User.id), func.now() - cast(bindparam("ago", type_=Interval), Interval) < func.now())
    named = named.where(col(User.name) == any_(WORDS), col(User.name) != "it's 100%").order_by(col(User.name))
    statement = Prepared("named", named, row=UUID, columns=(col(User.id),))
    with transaction(engine) as session:
        for words, found in (
            (["somebody", "it's"], [USER]),
            (("somebody else", "somebody"), [USER, ANOTHER_USER]),
            ([], []),
        ):
            facts = {"words": words, "ago": timedelta(seconds=1), "not asked for": 1}
            assert [row[0] for row in statement.execute(session, facts)] == found


def test_absent_values_and_documents_arrive_as_they_are(engine: Engine) -> None:
    document = bindparam("document", type_=JSONB)
    statement: Prepared[dict[str, Any]] = Prepared(
        "given", select(cast(document, JSONB), cast(NUMBER, Integer)), row=dict
    )
    given = {"quoted": ["'", '"', "%s", "$1", "\\"]}
    with transaction(engine) as session:
        assert tuple(statement.execute(session, {"document": given, "number": None}).one()) == (given, None)


def test_constants_of_our_types_are_written_as_they_are_stored(engine: Engine) -> None:
    held = select(func.count()).where(col(GenerationJob.status).in_([JobStatus.RUNNING]), GenerationJob.id > NUMBER)
    with transaction(engine) as session:
        assert Prepared("held", held, row=int).execute(session, {"number": 0}) == [(0,)]


def test_a_connection_knows_it_even_if_the_transaction_that_brought_it_is_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection, Session(connection) as session:
        with pytest.raises(DBAPIError):
            DIVIDED.execute(session, {"number": 0})
        session.rollback()
        before = known_to(connection)
        assert DIVIDED.one_or_none(session, {"number": 5}) == 2
        assert known_to(connection) == before
        assert list(before) == ["divided"]


def test_every_connection_is_told(engine: Engine) -> None:
    with engine.connect() as one, engine.connect() as another:
        for connection in (one, another):
            with Session(connection) as session:
                assert DIVIDED.one_or_none(session, {"number": 5}) == 2


def test_it_is_planned_anew_once_its_plan_is_old(engine: Engine) -> None:
    with engine.connect() as connection, Session(connection) as session:
        DIVIDED.execute(session, {"number": 1})
        before = known_to(connection)
        session.commit()
        connection.info["prepared"]["divided"] = 0.0
        DIVIDED.execute(session, {"number": 1})
        assert known_to(connection) != before


NOWHERE = Prepared("nowhere", select(text("1 FROM no_such_table")), row=int)


@pytest.mark.parametrize("enter", [transaction, reading])
def test_what_cannot_be_prepared_is_said_as_of_any_statement(
    engine: Engine, enter: Callable[[Engine], AbstractContextManager[Session]]
) -> None:
    with pytest.raises(ProgrammingError, match="no_such_table") as raised, enter(engine) as session:
        NOWHERE.execute(session, {})
    assert is_not_there(raised.value)


@pytest.mark.parametrize("enter", [transaction, reading])
def test_a_server_that_goes_before_it_is_prepared_is_one_that_is_away(
    engine: Engine, enter: Callable[[Engine], AbstractContextManager[Session]]
) -> None:
    statement = Prepared("never_before", select(NUMBER), row=int)
    with engine.connect() as other, pytest.raises(DBAPIError) as raised, enter(engine) as session:
        pid = session.connection().scalar(text("SELECT pg_backend_pid()"))
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        statement.execute(session, {"number": 1})
    assert is_unavailable(raised.value)
    with enter(engine) as session:
        assert statement.one_or_none(session, {"number": 1}) == 1


def test_rows_are_the_same_whether_anybody_listens_or_not(engine: Engine) -> None:
    columns = (
        next(one for one in columns_of(GenerationJob) if one.name == "status"),
        column("data", JSONB),
        column("number", Integer),
    )
    row = select(literal(JobStatus.RUNNING.value, String), cast('{"a": [1]}', JSONB), cast(NUMBER, Integer))
    statement: Prepared[tuple[Any, ...]] = Prepared("told", row, row=lambda *values: values, columns=columns)
    with engine.connect() as connection, Session(connection) as session:
        unheard, heard = statement.all(session, {"number": 3}), list[str]()
        event.listen(connection, "before_cursor_execute", lambda *about: heard.append(about[2]))
        assert statement.all(session, {"number": 3}) == unheard == [(JobStatus.RUNNING, {"a": [1]}, 3)]
        assert isinstance(unheard[0][0], JobStatus)
        assert len(heard) == 1


class OutOfTime(BaseException):
    """As Dramatiq's: no Exception."""


def test_a_connection_in_whose_statement_a_time_limit_was_raised_is_not_used_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_limit(*_: object) -> None:
        raise OutOfTime

    with engine.connect() as connection, Session(connection) as session:
        assert DIVIDED.one_or_none(session, {"number": 5}) == 2
        monkeypatch.setattr(DIVIDED.call, "rows", raise_limit)
        with pytest.raises(OutOfTime):
            DIVIDED.execute(session, {"number": 5})
        assert connection.invalidated


def test_a_row_that_was_read_so_is_one_that_a_session_has_left_behind(engine: Engine) -> None:
    statement = whole_rows("read_users", User, col(User.name) == any_(WORDS))
    with reading(engine) as session:
        (read,) = statement.all(session, {"words": ["somebody"]})
    with transaction(engine) as session:
        loaded = session.get_one(User, USER)
    assert read.model_dump() == loaded.model_dump()
    about = inspect(read)
    assert about.detached
    assert about.identity == (USER,)
