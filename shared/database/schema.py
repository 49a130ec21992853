"""The database's schema is the one this code needs, or one sentence says what to do about it."""

import sys

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from shared.configuration.settings import Settings
from shared.database.encryption import encryption_problem
from shared.database.engine import create_engine
from shared.database.sessions import POOLER_FOUND, is_refused_by_pooler, pooler_problem

log = structlog.get_logger(__name__)

# The revisions in migrations/versions, the oldest first. The services do not load alembic, so a test holds this equal.
REVISIONS = (
    "0001_legacy_tables",
    "merge_generation_tables",
    "job_dispatch",
    "accounts_and_requests",
    "fleet",
    "named_servers",
    "resumable_tickets",
    "server_probes",
    "whose_outputs",
    "claims_left",
    "storage_and_notes",
    "what_is_sent_along",
    "secrets_of_jobs",
    "assets",
    "inputs_of_jobs",
    "native_prompts",
    "webhooks",
    "webhooks_of_jobs",
    "keys_of_uploads",
    "schedules",
    "notifications",
    "tasks",
    "clean_up",
    "turns",
    "failures",
    "servers_and_labels",
    "parked_and_paused",
    "durations",
    "waiting_work",
    "keys_of_tasks",
    "browsers",
    "usage",
    "embeddings",
    "moving_files",
    "traces",
    "history",
    "newest_failures",
    "days_of_what_is_found",
    "accepted_jobs",
    "rows_that_go_with_jobs",
    "disabled_webhooks",
    "lanes_in_order",
    "model_info",
    "webhooks_that_rest",
)
NEEDED = REVISIONS[-1]
WORKS_SINCE = "works with code since "  # what migrations note of the schema, before the revision of that code


def schema_problem(engine: Engine) -> str | None:
    """One sentence if the database is not at the revision that this code needs, or is reached in another way than it
    needs. Raises SQLAlchemyError."""
    try:
        with engine.connect() as connection:
            if problem := pooler_problem(connection):
                return problem
            revision = revision_of(connection)
            oldest_code = oldest_code_of(connection)
    except OperationalError as error:
        if is_refused_by_pooler(error):
            return POOLER_FOUND
        raise
    if revision == NEEDED or (revision not in {None, *REVISIONS} and oldest_code in REVISIONS):
        return None  # newer code has migrated it, and left what this code needs
    if revision is None:
        return "the database has no schema: run `make migrate`"
    if revision in REVISIONS:
        return f"the database is at revision {revision}, and this code needs {NEEDED}: run `make migrate`"
    return (
        f"the database is at revision {revision}, which this code does not know; it needs {NEEDED}: "
        "run the release that migrated the database"
    )


def revision_of(connection: Connection) -> str | None:
    """The revision that the last migration left, None if there was none."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def oldest_code_of(connection: Connection) -> str | None:
    """The revision of the oldest code that works with the schema, as the last migration noted it."""
    noted: str | None = connection.scalar(text("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')"))
    return noted.removeprefix(WORKS_SINCE) if noted and noted.startswith(WORKS_SINCE) else None


def exit_unless_migrated(settings: Settings, *, application: str) -> None:
    """For a `main`: end the process with status 1 and one sentence if the schema is not the one it needs.

    A service starts without a database that does not answer, and waits for it.
    """
    engine = create_engine(settings, application=application, connections=1)
    try:
        problem = schema_problem(engine)
    except SQLAlchemyError as error:
        if (problem := encryption_problem(error)) is None:
            log.warning("database.unavailable", error=str(error))
            return
    finally:
        engine.dispose()
    if problem:
        sys.stderr.write(f"DATABASE_URL: {problem}\n")
        sys.stderr.flush()
        sys.exit(1)
