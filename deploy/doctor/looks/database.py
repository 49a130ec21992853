"""PostgreSQL answers, is new enough, has our schema, and agrees with this machine on the time."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.database.clock import MOST_SKEW, clock_skew
from shared.database.encryption import encryption_problem
from shared.database.engine import reading
from shared.database.schema import schema_problem
from shared.database.troubles.rights import lack_of_rights
from shared.database.troubles.unavailable import is_lacking
from shared.texts.reasons import driver_reason

SUBJECT = "database"
OLDEST = 15  # the major version that everything here is tried with, see docs/by-hand.md
REFUSED = "FATAL:"  # in what a server says that answers, and lets nobody in
OF_THE_URL = ("authentication", "password", "does not exist", "pg_hba.conf", "not permitted to log in")
NO_SERVICE_BEFORE = "Services do not start before"
# Without them a crash of the machine forgets what was committed, and so accepted jobs.
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def answers(installation: Installation) -> bool:
    try:
        with installation.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            return True
    except SQLAlchemyError:
        return False


def look(installation: Installation) -> Iterator[Finding]:
    try:
        problem = schema_problem(installation.engine)
    except SQLAlchemyError as error:
        if not is_lacking(error):
            yield not_spoken_to(installation, reason_of(error))
            return
        yield rights(installation)  # of our tables; that of the schema's revision is none of these
        yield trouble(
            SUBJECT, f"its schema is not known: {reason_of(error)}", "Give the user of DATABASE_URL that right"
        )
        return
    if problem and not answers(installation):  # what is wrong keeps it from answering anything else
        yield trouble(SUBJECT, problem, NO_SERVICE_BEFORE)
        return
    with reading(installation.engine) as session:
        yield from version(session)
        yield from durability(session)
    if problem:
        yield trouble(SUBJECT, problem, NO_SERVICE_BEFORE)
    else:
        yield ok(SUBJECT, "its schema is one that this code works with")
        yield rights(installation)
    yield clock(installation)


def rights(installation: Installation) -> Finding:
    lack = lack_of_rights(installation.engine)
    if lack is None:
        return ok(SUBJECT, "it lets services read and write each table")
    means = "Some of the work fails until then" if lack.accepts_jobs else "No job is accepted until then"
    return trouble(SUBJECT, lack.problem, f"Mend that. {means}")


def not_spoken_to(installation: Installation, reason: str) -> Finding:
    shown = installation.settings.database_url.shown
    _, refuses, why = reason.partition(REFUSED)
    if refuses and any(word in why for word in OF_THE_URL):
        return trouble(SUBJECT, f"it refuses what DATABASE_URL says: {why.strip()}", f"Correct that: {shown}")
    if refuses:
        return trouble(SUBJECT, f"it lets nobody in now: {why.strip()}", "Look at PostgreSQL's own log")
    if answers_beyond_transactions(installation):
        found = "it answers, and ends each connection on which a transaction begins, as PgBouncer does for statements"
        return trouble(SUBJECT, found, "Set pool_mode = transaction there, and DATABASE_POOLER=transaction here")
    return trouble(SUBJECT, f"it does not answer: {reason}", f"See that it runs and that DATABASE_URL is it: {shown}")


def answers_beyond_transactions(installation: Installation) -> bool:
    """Whether a statement is answered that is no part of a transaction. SQLAlchemy asks none without one."""
    dialect = installation.engine.dialect
    arguments, options = dialect.create_connect_args(installation.engine.url)
    driver: Any = dialect.loaded_dbapi
    try:
        with closing(driver.connect(*arguments, **options)) as connection:
            connection.autocommit = True
            connection.cursor().execute("SELECT 1")
    except driver.Error:
        return False
    return True


def reason_of(error: SQLAlchemyError) -> str:
    """Why the database did not answer, in a line."""
    return encryption_problem(error) or driver_reason(error).splitlines()[0]


def version(session: Session) -> Iterator[Finding]:
    number = int(session.scalar(text("SELECT current_setting('server_version_num')")) or 0)
    shown = session.scalar(text("SELECT current_setting('server_version')"))
    if number < OLDEST * 10_000:
        yield trouble(SUBJECT, f"it is PostgreSQL {shown}", f"Use PostgreSQL {OLDEST} or newer")
    else:
        yield ok(SUBJECT, f"it answers, and is PostgreSQL {shown}")


def durability(session: Session) -> Iterator[Finding]:
    for name in DURABLE:
        if session.scalar(text("SELECT current_setting(:name)"), {"name": name}) == "off":
            yield warning(SUBJECT, f"{name} is off: a crash may forget accepted jobs", f"Set {name} = on")


def clock(installation: Installation) -> Finding:
    skew = clock_skew(installation.engine)
    if abs(skew) <= MOST_SKEW:
        return ok(SUBJECT, "its clock agrees with this machine's to a second")
    seconds = skew.total_seconds()
    return warning(
        SUBJECT,
        f"this machine's clock is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} its clock",
        "Set both right (NTP); all jobs go by the database's",
    )
