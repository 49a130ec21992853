"""Move a database from revision to revision, without alembic's command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine

from migrations.losses import Loss, losses
from shared.configuration.urls.database_urls import database_url as checked
from shared.database.engine import VANISHED_IS_NOTICED


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database up to a revision; one that is there or beyond stays as it is.

    Each revision is one transaction. Of several callers at once, one works and the others wait for it.
    Raises alembic.util.CommandError for what the migrations refuse, and SQLAlchemy's errors for the rest.
    """
    with connected(database_url) as connection:
        command.upgrade(configuration(connection), revision)


def downgrade(database_url: str, revision: str) -> None:
    """Bring the database down to a revision, or with `base` to none at all. Raises as `upgrade` does."""
    with connected(database_url) as connection:
        command.downgrade(configuration(connection), revision)


def loss_of(database_url: str, revision: str) -> list[Loss]:
    """What `downgrade` to that revision would delete. Raises as `upgrade` does."""
    with connected(database_url) as connection:
        at = MigrationContext.configure(connection).get_current_revision()
        return losses(connection, configuration(connection), at, revision)


def current(database_url: str) -> str | None:
    """The revision the database is at; None for one that has seen no migration."""
    with connected(database_url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def connected(database_url: str) -> Iterator[Connection]:
    """One connection on which a statement may take as long as it takes."""
    engine = create_engine(
        checked(database_url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": 5,
            "application_name": "genonaut-migrations",
            "options": "-c timezone=UTC -c statement_timeout=0",
            **VANISHED_IS_NOTICED,
        },
    )
    with engine.connect() as connection:
        yield connection


def configuration(connection: Connection) -> Config:
    config = Config()
    # alembic expands % in options.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
