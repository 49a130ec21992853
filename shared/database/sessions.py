"""What each session with PostgreSQL is told: when it begins, or, where a pooler lends it, in each transaction."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

OPTION = "is_pooled"  # of an engine and all that comes from it

# A process that is stopped in a transaction keeps its locks, and everybody who claims a job waits for them. The
# transactions here wait for nothing but the database: ten seconds of silence are such a process.
IN_ALL: Mapping[str, str] = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    # The plan of a claim looks dear enough to be compiled each time, for longer than it runs.
    "jit": "off",
}
# Prepared statements only: planned once for all values, see `shared.database.prepared_statement`.
PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan"}
AT_THE_START = " ".join(f"-c {name}={value}" for name, value in {**IN_ALL, **PLANNED_ONCE}.items())
IN_EACH_TRANSACTION = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in IN_ALL.items())
POOLER_FOUND = (
    "a connection pooler stands before PostgreSQL, and keeps what is said at the start of a session from it: set "
    "DATABASE_POOLER=transaction, or name PostgreSQL itself"
)


def is_pooled(of: Engine | Connection) -> bool:
    """Whether a session lasts no longer than a transaction: nothing it is told, holds or prepares is kept."""
    return bool(of.get_execution_options().get(OPTION))


def tell_in_each_transaction(engine: Engine) -> None:
    """Tell PostgreSQL at the beginning of each transaction what it would otherwise forget."""
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(IN_EACH_TRANSACTION))


def pooler_problem(connection: Connection) -> str | None:
    """One sentence if this session was to be told something at its start, and was not."""
    if is_pooled(connection):
        return None
    told = connection.scalar(text("SELECT current_setting('plan_cache_mode')"))
    return None if told == PLANNED_ONCE["plan_cache_mode"] else POOLER_FOUND


def is_refused_by_pooler(error: Exception) -> bool:
    """Whether a pooler refused what a session is told at its start."""
    return isinstance(error, OperationalError) and "unsupported startup parameter" in str(error)
