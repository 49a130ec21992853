"""Faults of a PostgreSQL that is there and refuses: nothing is written, a table is away or locked, nobody is let in."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from psycopg2 import sql

from deploy.local.postgres import connected, named
from tests.chaos.strike import Strike
from tests.chaos.world import World

ANOTHER = "template1"  # a database that lets one in while ours does not
TABLES = ("job_outputs", "generation_jobs", "job_attempts", "job_events")
Refusal = Callable[[World, str], AbstractContextManager[None]]


@contextmanager
def read_only(world: World, _: str) -> Iterator[None]:
    """As after a failover to a standby that was not promoted yet."""
    run(world, sql.SQL("ALTER SYSTEM SET default_transaction_read_only = on"), sql.SQL("SELECT pg_reload_conf()"))
    yield
    run(world, sql.SQL("ALTER SYSTEM RESET default_transaction_read_only"), sql.SQL("SELECT pg_reload_conf()"))


@contextmanager
def table_away(world: World, table: str) -> Iterator[None]:
    """As while somebody restores it."""
    here, away = sql.Identifier(table), sql.Identifier(f"{table}_away")
    run(world, sql.SQL("ALTER TABLE {} RENAME TO {}").format(here, away))
    yield
    run(world, sql.SQL("ALTER TABLE {} RENAME TO {}").format(away, here))


@contextmanager
def table_locked(world: World, table: str) -> Iterator[None]:
    """As while somebody changes its columns by hand."""
    with connected(world.servers.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(table)))
        yield


@contextmanager
def closed_to_all(world: World, _: str) -> Iterator[None]:
    """As while somebody copies the database: every connection is ended, and none made."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = world.servers.database_url.rpartition("/")[2]
    ours = sql.Identifier(name)
    ending = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(
        sql.Literal(name)
    )
    run(world, allow.format(ours, sql.SQL("false")), ending, database=ANOTHER)
    yield
    run(world, allow.format(ours, sql.SQL("true")), database=ANOTHER)


def run(world: World, *statements: sql.Composable, database: str | None = None) -> None:
    url = world.servers.database_url
    with connected(named(url, database) if database else url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def refusing(refusal: Refusal) -> Callable[[World, Strike], None]:
    """What begins to refuse, until `accept`."""

    def begin(world: World, strike: Strike) -> None:
        with ExitStack() as stack:
            stack.enter_context(refusal(world, strike.how))
            world.refusals[strike] = stack.pop_all()

    return begin


def accept(world: World, strike: Strike) -> None:
    world.refusals.pop(strike).close()
