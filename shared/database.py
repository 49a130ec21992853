"""One unit of work is one transaction, and nobody else commits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlmodel import Session

from shared.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")


def create_engine(settings: Settings, *, application: str, connections: int = 10) -> Engine:
    """A pool of at most `connections` connections, each given up after 5 s without an answer to the first hello.

    Connections are tested before use, so that a restarted PostgreSQL costs no request.
    """
    return sqlalchemy_engine(
        settings.database_url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # prompts do not belong in logs
        connect_args={
            "connect_timeout": 5,
            "application_name": f"genonaut-{application}",
            # A peer that vanished is noticed in about 25 s; no statement of ours runs for 30.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            # A process that is stopped in a transaction holds its locks, and everybody waits who claims a job: no
            # transaction of ours waits for anything but the database, so ten seconds of silence are such a process.
            "options": "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=10s"
            # Prepared statements only: planned once for all values, see `shared.prepared`.
            " -c plan_cache_mode=force_generic_plan",
        },
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose work is committed at the end, or rolled back if the block raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def is_unavailable(error: BaseException) -> bool:
    """Whether the database could not be reached or broke off, rather than refused what it was asked."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def patiently(work: Callable[[], T], *, patience: timedelta) -> T:
    """Do the work, and again while PostgreSQL is away, for as long as `patience`. Raises its last error after that.

    For work that is one transaction, so that doing it again after a broken one repeats nothing.
    """
    deadline = time.monotonic() + patience.total_seconds()
    pause_s = 0.2
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() + pause_s > deadline:
                raise
            log.warning("database.unavailable", error=str(error.orig), retry_in_s=pause_s)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 5)
