"""One clock for everything that is in a row or compared with one: the database's. No other clock is asked."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlmodel import Session

from shared.database.engine import reading

MOST_SKEW = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # what seconds are counted from, and steps begin at


def database_time(session: Session) -> datetime:
    """The time as the session's transaction began."""
    now: datetime = session.scalars(select(func.now())).one()
    return now


def ask_database_time(engine: Engine) -> datetime:
    """The database's time. Raises SQLAlchemyError."""
    with reading(engine) as session:
        return database_time(session)


def clock_skew(engine: Engine) -> timedelta:
    """How far this machine's clock is ahead of the database's; less than nothing if it is behind.

    Raises SQLAlchemyError.
    """
    with reading(engine) as session:
        database_time(session)  # so that the next question finds an open connection
        before = datetime.now(UTC)
        there: datetime = session.scalars(select(func.clock_timestamp())).one()
        after = datetime.now(UTC)
    # It was read there at some time between the two: nothing within them is a skew.
    if before > there:
        return before - there
    return min(after - there, timedelta(0))
