"""Who holds a lock that our services wait for is told, or nobody knows why all of them are slow."""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Engine, text

WAITED = timedelta(seconds=5)  # ours are held for less

# Of others than its own user one who is no superuser sees little, but for whom it waits.
BLOCKING = text(
    "SELECT blocker.pid, coalesce(nullif(blocker.application_name, ''), blocker.usename, 'somebody') AS who,"
    " count(*) AS waiting, max(extract(epoch FROM clock_timestamp() - waits.query_start)) AS seconds"
    " FROM pg_stat_activity AS waits CROSS JOIN unnest(pg_blocking_pids(waits.pid)) AS held (by_pid)"
    " JOIN pg_stat_activity AS blocker ON blocker.pid = held.by_pid"
    " WHERE waits.wait_event_type = 'Lock' AND waits.datname = current_database()"
    " AND waits.query_start < clock_timestamp() - CAST(:waited AS interval)"
    # Who waits too is not the one to end.
    " AND blocker.wait_event_type IS DISTINCT FROM 'Lock'"
    " GROUP BY 1, 2 ORDER BY waiting DESC LIMIT 1"
)


class Blocker(NamedTuple):
    """A session of PostgreSQL, for how many it has others wait, and for how long the first of them has."""

    pid: int
    who: str
    waiting: int
    seconds: float

    @property
    def problem(self) -> str:
        wait = "statement waits" if self.waiting == 1 else f"{self.waiting} statements wait"
        return f"{'a ' if self.waiting == 1 else ''}{wait} for a lock that is held, for {self.seconds:.0f} s by now"


def blocker(engine: Engine) -> Blocker | None:
    """The one for whom most have waited for a while. Raises SQLAlchemyError."""
    with engine.connect() as connection:
        found = connection.execute(BLOCKING, {"waited": WAITED}).one_or_none()
    return Blocker(found.pid, found.who, found.waiting, float(found.seconds)) if found else None
