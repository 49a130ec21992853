"""What alembic runs: on the connection it is handed, or else on DATABASE_URL, and never two at once.

`config.attributes["connection"]` may be a SQLAlchemy Connection or Engine. Without one this is alembic's own command
line: the database is the one of the settings.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from alembic import command, context
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names every table to SQLModel.metadata
from migrations.command_line import prepare
from migrations.indexes import IN_THEIRS
from migrations.losses import losses, refuse_to_lose
from migrations.side_by_side import note_oldest_code
from migrations.upgrade import connected

log = logging.getLogger("alembic.runtime.migration")

LOCK = 0x67656E6F6E617574  # "genonaut": whoever holds this advisory lock migrates
YES_DELETE = "yes-delete"
PATIENCE = timedelta(minutes=30)  # far beyond what a merge of millions of rows takes


def main() -> None:
    if context.is_offline_mode():
        raise CommandError("The merge reads the rows it moves, so there is no --sql script of it: connect and upgrade.")
    match context.config.attributes.get("connection"):
        case Connection() as connection:
            migrate(connection)
        case Engine() as engine:
            with engine.connect() as connection:
                migrate(connection)
        case _:
            with connected(prepare().database_url) as connection:
                migrate(connection)


def migrate(connection: Connection) -> None:
    with one_at_a_time(connection):
        ask_before_deleting(connection)
        context.config.attributes[IN_THEIRS] = connection.in_transaction()
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            include_name=is_ours,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        theirs = connection.in_transaction()
        note_oldest_code(connection, ScriptDirectory.from_config(context.config))
        if not theirs:
            connection.commit()


def ask_before_deleting(connection: Connection) -> None:
    """On alembic's own command line. Raises CommandError that says what going down would delete."""
    options = context.config.cmd_opts
    chosen = getattr(options, "cmd", None)
    if options is None or not chosen or chosen[0] is not command.downgrade:
        return
    if YES_DELETE in context.get_x_argument():
        return
    at = MigrationContext.configure(connection).get_current_revision()
    refuse_to_lose(losses(connection, context.config, at, options.revision), f"-x {YES_DELETE}, before `downgrade`,")
    connection.rollback()  # alembic wants a connection on which nothing was begun


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Autogenerate leaves alone the tables of others in the same database."""
    return kind != "table" or name in SQLModel.metadata.tables


@contextmanager
def one_at_a_time(connection: Connection) -> Iterator[None]:
    """Hold the lock meanwhile. Raises CommandError if another process keeps it for longer than PATIENCE.

    In a transaction of the caller's the lock ends with that transaction.
    """
    theirs = connection.in_transaction()
    take = text(f"SELECT pg_try_advisory{'_xact' if theirs else ''}_lock({LOCK})")
    deadline = time.monotonic() + PATIENCE.total_seconds()
    waited = False
    while not connection.scalar(take):
        if time.monotonic() > deadline:
            raise CommandError(f"Another process has been migrating this database for {PATIENCE}.")
        if not waited:
            log.info("Waiting for another process that is migrating this database")
            waited = True
        if not theirs:
            connection.commit()
        time.sleep(0.2)
    if theirs:
        yield
        return
    connection.commit()  # alembic commits each revision only where no transaction is open yet
    try:
        yield
    finally:
        connection.rollback()
        if not connection.invalidated:
            connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
            connection.commit()


main()
