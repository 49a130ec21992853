"""A replica is asked, on the very connection that reads from it, whether it has what the reader must not miss."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, finalize

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from shared.configuration.settings import Settings
from shared.database.clock import MOST_SKEW
from shared.database.engine import engine_to, reading
from shared.database.sessions import is_pooled

WANTED = "position"  # an option of an engine: what its connections must have
CATCHES_UP_WITHIN_S = 0.1
ASKED_EVERY_S = 0.004
# There is somebody else to ask, so a replica that vanishes is given up sooner than the primary.
BOUNDS = {
    "connect_timeout": 2,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}

# A commit is flushed before anybody hears of it, unless synchronous_commit is off. What is inserted and not flushed may
# stay so for many seconds while little is written, and would keep a replica from being read for nothing.
POSITION = text(
    "SELECT CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END::text,"
    " ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int,"
    " (SELECT system_identifier FROM pg_control_system()), extract(epoch FROM clock_timestamp())::float"
)
# The timeline is that of its last restart point: after a failover it may take some minutes until it is the new one.
STATE = (
    "SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()),"
    " (SELECT timeline_id FROM pg_control_checkpoint()),"
    " pg_last_wal_replay_lsn() >= %s::pg_lsn, extract(epoch FROM clock_timestamp())::float,"
    " extract(epoch FROM pg_last_xact_replay_timestamp())::float"
)


class Position(NamedTuple):
    """How far the primary had written, on which timeline, of which cluster, what its clock said then (s), and when
    this process asked it, by the monotonic clock (s)."""

    lsn: str
    timeline: int
    system: int
    clock: float
    asked_at: float


class Unfit(StrEnum):
    """Why a replica is not read from."""

    AWAY = "it does not answer"
    NO_REPLICA = "it is no replica: it takes writes itself"
    ANOTHER = "it is a replica of another database server"
    TIMELINE = "it is on another timeline than the primary, or has had no restart point since a failover"
    CLOCK = "its clock is more than a second off the primary's"
    BEHIND = "it has not replayed what the primary had written"


class NotFit(Exception):
    """The replica cannot answer for the primary. `lag_s` is how old what it has is, as far as that is known."""

    def __init__(self, why: Unfit, lag_s: float | None = None, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else str(why))
        self.why = why
        self.lag_s = lag_s


class State(NamedTuple):
    """What the replica says of itself. Times in s; `replayed_at` is when the primary committed what came last."""

    is_replica: bool
    system: int
    timeline: int
    has_it: bool | None
    clock: float
    replayed_at: float | None

    def problem(self, wanted: Position, took_s: float) -> Unfit | None:
        """Why it is no replica of the wanted primary; whether it is behind is another question."""
        skew, most = self.clock - wanted.clock, MOST_SKEW.total_seconds()
        found = {
            Unfit.NO_REPLICA: not self.is_replica,
            Unfit.ANOTHER: self.system != wanted.system,
            Unfit.TIMELINE: self.timeline != wanted.timeline,
            Unfit.CLOCK: not -most <= skew <= took_s + most,
        }
        return next((why for why, is_so in found.items() if is_so), None)


class Replica:
    """A pool of connections to a replica, or to several behind one address."""

    def __init__(self, settings: Settings, url: str, *, application: str, connections: int) -> None:
        self.engine = engine_to(url, settings, application, connections, BOUNDS)
        self.lines = Lines(self.engine)
        event.listen(self.engine, "engine_connect", must_have_what_is_wanted)

    def at(self, position: Position) -> Engine:
        """An engine whose connections have all that the primary had at that position. To connect raises NotFit, else
        what connecting raises."""
        return self.engine.execution_options(**{WANTED: position})

    def lag_at(self, position: Position) -> float:
        """How long it took the replica until it had the position, in s. Raises NotFit."""
        began = time.monotonic()
        with reading(self.at(position)):
            return time.monotonic() - began

    def cut(self) -> None:
        """End all connections that are open, also those that wait for an answer: these fail at once."""
        self.lines.cut()

    def close(self) -> None:
        """End all connections, also of those who still wait for an answer."""
        self.engine.dispose()
        self.lines.close()


def replica_of(settings: Settings, *, application: str, connections: int) -> Replica | None:
    """The replica that the settings name. It is connected to once it is needed."""
    if settings.database_read_url is None:
        return None
    return Replica(settings, settings.database_read_url, application=application, connections=connections)


def position_of(primary: Engine) -> Position:
    """Where the primary is: what was committed before this question is before it. Raises SQLAlchemyError."""
    asked_at = time.monotonic()
    with reading(primary) as session:
        lsn, timeline, system, clock = session.execute(POSITION).one()
    return Position(lsn, timeline, system, clock, asked_at)


def must_have_what_is_wanted(connection: Connection) -> None:
    """Raises NotFit unless the server of this connection has the wanted position, or gets it shortly."""
    try:
        with asking(connection) as cursor:
            wait_until_replayed(cursor, connection.get_execution_options()[WANTED])
    except connection.dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise NotFit(Unfit.AWAY, detail=str(error).strip()) from error
    except NotFit:
        connection.close()
        raise


@contextmanager
def asking(connection: Connection) -> Iterator[Any]:
    """A cursor of the driver. Where a pooler lends connections, what follows is in the transaction that this begins."""
    driver: Any = connection.connection.dbapi_connection
    pooled = is_pooled(connection)
    if not pooled:
        driver.autocommit = True
    try:
        with driver.cursor() as cursor:
            yield cursor
    finally:
        if not pooled:
            driver.autocommit = False


def wait_until_replayed(cursor: Any, position: Position) -> None:
    until = time.monotonic() + CATCHES_UP_WITHIN_S
    while True:
        cursor.execute(STATE, [position.lsn])
        state = State(*cursor.fetchone())
        now = time.monotonic()
        if problem := state.problem(position, now - position.asked_at):
            raise NotFit(problem)
        if state.has_it:
            return
        if now >= until:
            raise NotFit(Unfit.BEHIND, None if state.replayed_at is None else state.clock - state.replayed_at)
        time.sleep(ASKED_EVERY_S)


class Lines:
    """The sockets of a pool's connections, each by a descriptor of its own: that is good until the connection is gone,
    also one of whose end the pool says nothing, as of one that failed while it was prepared."""

    def __init__(self, engine: Engine) -> None:
        self.lock = threading.Lock()
        self.open: WeakKeyDictionary[DBAPIConnection, socket.socket] = WeakKeyDictionary()
        event.listen(engine, "connect", self.opened)
        event.listen(engine, "close", self.closed)

    def opened(self, driver: Any, _record: ConnectionPoolEntry) -> None:
        line = socket.socket(fileno=socket.dup(driver.fileno()))
        finalize(driver, line.close)
        with self.lock:
            self.open[driver] = line

    def closed(self, driver: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        with self.lock:
            line = self.open.pop(driver, None)
        if line:
            line.close()

    def cut(self) -> None:
        with self.lock:
            for _driver, line in list(self.open.items()):  # no driver goes meanwhile, with its descriptor
                with suppress(OSError):  # it has ended already
                    line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut them, and let go of them: what is in use now is not told of when it ends."""
        self.cut()
        with self.lock:
            for _driver, line in list(self.open.items()):
                line.close()
            self.open.clear()
