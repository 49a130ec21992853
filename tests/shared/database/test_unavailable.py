"""Whether a database is away, which passes, or refuses what it was asked, which does not."""

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import transaction
from shared.database.troubles.unavailable import is_unavailable

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    ("state", "is_away"),
    [
        ("57P01", True),  # it is being stopped
        ("57P03", True),  # it starts
        ("53100", True),  # the disk is full
        ("53300", True),  # too many connections
        ("40001", True),  # it lost a race
        ("40P01", True),  # ... or a deadlock
        ("55P03", True),  # a lock that is held
        ("57014", True),  # it took too long
        ("25006", True),  # it only reads, after a failover
        ("42501", True),  # a right is taken away
        ("42P01", True),  # a table is not there, as while it is restored
        ("42703", True),
        ("2200H", True),  # no number is left for a row
        ("XX000", True),  # something is wrong with itself
        ("58030", True),  # ... or with its disk
        ("25P02", True),  # ... or with the transaction
        ("26000", True),
        ("22021", False),  # no text in its encoding
        ("22P05", False),
        ("22003", False),  # out of range
        ("23505", False),
        ("23514", False),
        ("23503", False),
        ("42601", False),  # not its language
        ("0A000", False),
        ("54000", False),  # larger than it keeps
        ("54001", False),  # deeper than it reads
    ],
)
def test_by_what_it_says(engine: Engine, state: str, *, is_away: bool) -> None:
    with pytest.raises(SQLAlchemyError) as raised, transaction(engine) as session:
        session.execute(text(RAISE.format(state)))
    assert is_unavailable(raised.value) is is_away


def test_one_that_nobody_answers_for_is_away() -> None:
    with pytest.raises(SQLAlchemyError) as raised:
        create_engine("postgresql+psycopg2://127.0.0.1:9/none").connect()
    assert is_unavailable(raised.value)
    assert not is_unavailable(ValueError("A string literal cannot contain NUL (0x00) characters."))
