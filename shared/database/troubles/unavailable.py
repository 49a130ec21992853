"""What PostgreSQL refuses for its own sake passes; what it refuses for what it was asked does not."""

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Classes of SQLSTATEs: what was asked is wrong, or too large or too deep, and is so the next time.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
OF_WHAT_WAS_ASKED = ("0A", "20", "21", "22", "23", "42", "44", "54", "P0")
# Of these classes, but not of this kind: a right, a table, a column, a type, a function, a schema or a number that
# is left is somebody else's doing, who will mend it: an operator, a restore, a migration.
NO_RIGHT = "42501"
NOT_THERE = frozenset({"42P01", "42703", "42704", "42883", "3F000"})
OF_OTHERS = NOT_THERE | {NO_RIGHT, "2200H"}


def state_of(error: BaseException) -> str:
    """The SQLSTATE that PostgreSQL gave an error; empty where it gave none, as it does for no broken connection."""
    return (isinstance(error, DBAPIError) and getattr(error.orig, "pgcode", None)) or ""


def is_unavailable(error: BaseException) -> bool:
    """Whether the database could not be reached, broke off, or can do nothing of the kind now: that may pass. False
    where it refused what it was asked for what that is."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeout)
    state = state_of(error)
    if error.connection_invalidated or state in OF_OTHERS:
        return True
    if state:
        return not state.startswith(OF_WHAT_WAS_ASKED)
    # Without a state libpq speaks. Of an answer that it cannot make out, as a server in trouble may send, it knows no
    # more than that it is an error.
    return isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError


def is_lacking(error: BaseException) -> bool:
    """Whether a statement failed because a right, a table or the like is missing: others may go well meanwhile."""
    return state_of(error) in OF_OTHERS


def is_not_there(error: BaseException) -> bool:
    """Whether a statement failed because a table, a column or the like is missing."""
    return state_of(error) in NOT_THERE
