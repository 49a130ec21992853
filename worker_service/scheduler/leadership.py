"""Of several schedulers one leads: the one that holds a lock in PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, TextClause, text

from shared.database.sessions import is_pooled

LEADER_LOCK = 0x67656E6F  # "geno": a number that nothing else in this database locks
SILENCE = timedelta(seconds=10)


class LeaderStatements(NamedTuple):
    """How long whoever leads may be silent, and the lock itself."""

    set_limit: TextClause
    take_lock: TextClause


OF_SESSION = LeaderStatements(
    text("SELECT set_config('idle_session_timeout', :limit, false)"), text("SELECT pg_try_advisory_lock(:key)")
)
OF_TRANSACTION = LeaderStatements(
    text("SELECT set_config('idle_in_transaction_session_timeout', :limit, true)"),
    text("SELECT pg_try_advisory_xact_lock(:key)"),
)


@contextmanager
def leadership(engine: Engine, *, silence: timedelta = SILENCE) -> Iterator[Connection | None]:
    """The connection that holds the lock, or None while another scheduler leads. Closed, it lets go.

    A leader that does nothing with it for as long as `silence` is deposed: stopped, it would hold the lock for ever.
    Through a pooler the lock belongs to a transaction that stays open, as a session would lose it.
    """
    limit, key = {"limit": f"{silence.total_seconds() * 1000:.0f}ms"}, {"key": LEADER_LOCK}
    statements, isolation = (OF_TRANSACTION, "READ COMMITTED") if is_pooled(engine) else (OF_SESSION, "AUTOCOMMIT")
    with engine.connect().execution_options(isolation_level=isolation) as connection:
        try:
            connection.execute(statements.set_limit, limit)
            yield connection if connection.scalar(statements.take_lock, key) else None
        finally:
            # Not back into the pool: the lock belongs to the session.
            connection.invalidate()
