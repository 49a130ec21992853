"""One unit of work is one transaction, and nobody else commits."""

import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel import Session

from shared.configuration.choices import Pooler
from shared.configuration.secret_files import is_in_file, login_of
from shared.configuration.settings import Settings
from shared.database.light_session import LightSession
from shared.database.sessions import AT_THE_START, OPTION, is_pooled, tell_in_each_transaction
from shared.database.troubles.unavailable import is_unavailable
from shared.texts.reasons import driver_reason
from shared.version import VERSION

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = timedelta(minutes=5)  # with a database that is away, where results wait for it
APPLICATIONS = "genonaut-"  # what the names of all our processes begin with; their version follows after a space
# A host that vanished is noticed in 25 s, and no statement of a service runs for 30: by keepalives where an answer
# is waited for, and by the user timeout where what was sent is not acknowledged, which keepalives do not see.
VANISHED_IS_NOTICED = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # ms
}
ASKED_AFTER = timedelta(seconds=1)  # a connection that was idle for longer is asked whether it lives


def create_engine(settings: Settings, *, application: str, connections: int = 10) -> Engine:
    """A pool of at most `connections` connections, each given up after 5 s without an answer to the first hello.

    Connections are looked at before use, so that a restarted PostgreSQL costs no request.
    """
    bounds = {"connect_timeout": 5, **VANISHED_IS_NOTICED}
    return engine_to(settings.database_url, settings, application, connections, bounds)


def engine_to(url: str, settings: Settings, application: str, connections: int, bounds: Mapping[str, int], /) -> Engine:
    """The same for one of the servers. `bounds` are libpq's, and say when it is given up."""
    pooled = settings.database_pooler is Pooler.TRANSACTION
    engine = sqlalchemy_engine(
        url,
        execution_options={OPTION: pooled},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        # The connection that was used last: it is known to live, and knows its prepared statements.
        pool_use_lifo=True,
        hide_parameters=True,  # prompts do not belong in logs
        use_native_hstore=False,  # no column has that type, and each connection would ask for it
        connect_args={
            "application_name": f"{APPLICATIONS}{application} {VERSION}",
            **bounds,
            **({} if pooled else {"options": AT_THE_START}),
        },
    )
    look_before_use(engine)
    if is_in_file(url):
        log_in_by_file(engine, url)
    if pooled:
        tell_in_each_transaction(engine)
    return engine


def log_in_by_file(engine: Engine, url: str) -> None:
    """Each new connection has the user and the password that the file of the URL has by then."""

    def say_who(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        user, password = login_of(url)
        parameters |= {"user": user, "password": password}

    event.listen(engine, "do_connect", say_who)


def look_before_use(engine: Engine) -> None:
    """Ask a connection whether it lives if it was idle for a while, or if there is something to read from it.

    A server that stops closes its connections, which the socket shows; one that vanishes sends nothing. Asking each
    time (`pool_pre_ping`) costs every transaction a round trip.
    """

    def remember(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["idle_since"] = time.monotonic()

    def look(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if "idle_since" not in record.info:
            return  # it was opened just now
        try:
            idle = timedelta(seconds=time.monotonic() - record.info["idle_since"])
            if idle > ASKED_AFTER or is_readable(connection.fileno()):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", remember)
    event.listen(engine, "checkout", look)


def is_readable(socket: int) -> bool:
    """Whether something was sent that nobody has read, or the other side has closed the connection."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose work is committed at the end, or rolled back if the block raises."""
    if is_pooled(engine):
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
        return

    def begun(stack: ExitStack) -> Connection:
        connection = stack.enter_context(engine.connect())
        stack.enter_context(connection.begin())
        return connection

    with ExitStack() as stack:
        yield LightSession(stack, begun, in_its_transaction).as_session


def in_its_transaction(stack: ExitStack, connection: Connection) -> Session:
    """A session that takes over the transaction of a connection."""
    made = Session(connection, expire_on_commit=False, join_transaction_mode="control_fully")
    session = stack.enter_context(made)
    stack.enter_context(session.begin())
    return session


def reading(engine: Engine) -> AbstractContextManager[Session]:
    """A session for statements that only read, each on its own: none waits for a BEGIN or a COMMIT.

    Through a pooler they are one transaction, as that is where a statement gets its bound in time.
    """
    return Session(engine, expire_on_commit=False) if is_pooled(engine) else each_alone(engine)


def single(engine: Engine) -> AbstractContextManager[Session]:
    """A session for one statement that writes: it is a transaction by itself, and waits for no BEGIN and no COMMIT.
    What is read beside it is not of one moment with it."""
    return transaction(engine) if is_pooled(engine) else each_alone(engine)


@contextmanager
def each_alone(engine: Engine) -> Iterator[Session]:
    with ExitStack() as stack:
        connection = stack.enter_context(engine.connect())
        stack.enter_context(committing_each(connection))
        yield LightSession(stack, lambda _: connection, on_its_connection).as_session


def on_its_connection(stack: ExitStack, connection: Connection) -> Session:
    return stack.enter_context(OneConnection(connection, expire_on_commit=False))


class OneConnection(Session):
    """A session on one connection, on which each statement is a transaction of its own. Who wants the connection gets
    it as it is: nothing is begun there, and nothing is to be ended."""

    def connection(self, *_arguments: Any, **_options: Any) -> Connection:
        assert isinstance(self.bind, Connection)
        return self.bind


@contextmanager
def committing_each(connection: Connection) -> Iterator[None]:
    """Each statement is a transaction of its own within the block.

    SQLAlchemy's isolation level AUTOCOMMIT is reset where the pool takes the connection back. If the server is gone by
    then, the driver's error comes out as it is, and the pool has one place less for ever.
    """
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.autocommit = True
        try:
            yield
        finally:
            if not connection.invalidated:
                driver.autocommit = False
    except connection.dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise OperationalError("reading", None, error) from error


def once_more(work: Callable[[], T]) -> T:
    """Do work that is one transaction, or only reads: again, at once, if its connection broke under a statement.

    PostgreSQL ends connections, as when a password was replaced, and a statement may be on its way just then. Whatever
    broke before the commit has done nothing. If it was the commit itself, nobody knows, and it is not done again.
    """
    try:
        return work()
    except DBAPIError as error:
        if not has_done_nothing(error):
            raise
        return work()


def has_done_nothing(error: DBAPIError) -> bool:
    """Whether a connection broke under a statement, and so before the commit: that may be asked again."""
    if not error.connection_invalidated or error.statement is None:
        return False
    log.info("database.asked_again", error=driver_reason(error))
    return True


def patiently(work: Callable[[], T], *, patience: timedelta = PATIENCE) -> T:
    """Do the work, and again while PostgreSQL is away, for as long as `patience`. Raises its last error after that.

    For work that is one transaction, so that doing it again after a broken one repeats nothing.
    """
    deadline = time.monotonic() + patience.total_seconds()
    pause_s = 0.2
    while True:
        try:
            return work()
        except SQLAlchemyError as error:
            if not is_unavailable(error) or time.monotonic() + pause_s > deadline:
                raise
            log.warning("database.unavailable", error=driver_reason(error), retry_in_s=pause_s)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 5)
