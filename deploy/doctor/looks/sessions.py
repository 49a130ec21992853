"""Connections are left, and no transaction has been open for so long that it holds up the others."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import text
from sqlmodel import Session

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.database.engine import reading
from shared.database.troubles.locks import blocker

SUBJECT = "database"
FULL, ALMOST_FULL = 0.97, 0.8  # of the connections there may be; the second is that of the alert ConnectionsRunOut
OPEN_FOR_LONG = timedelta(minutes=5)

CONNECTIONS = text(
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
)
OLDEST_TRANSACTION = text(
    "SELECT pid, coalesce(nullif(application_name, ''), usename, 'somebody'),"
    " extract(epoch FROM clock_timestamp() - xact_start)"
    " FROM pg_stat_activity"
    " WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    " ORDER BY xact_start LIMIT 1"
)
PREPARED = text("SELECT count(*) FROM pg_prepared_xacts WHERE prepared < now() - CAST(:age AS interval)")


def look(installation: Installation) -> Iterator[Finding]:
    yield from blocking(installation)
    with reading(installation.engine) as session:
        yield connections(session)
        yield oldest_transaction(session)
        if forgotten := session.scalar(PREPARED, {"age": OPEN_FOR_LONG}):
            yield warning(
                SUBJECT,
                f"{forgotten} prepared transactions were never ended",
                "End them with ROLLBACK PREPARED (pg_prepared_xacts): they keep dead rows",
            )


def blocking(installation: Installation) -> Iterator[Finding]:
    if held := blocker(installation.engine):
        advice = f"End it: SELECT pg_terminate_backend({held.pid})"
        yield trouble(SUBJECT, f"{held.problem}: {held.who} holds it", advice)


def connections(session: Session) -> Finding:
    used, most = session.execute(CONNECTIONS).one()
    text_ = f"{used} of {most} connections are in use"
    advice = "Raise max_connections, or put PgBouncer between (DATABASE_POOLER=transaction)"
    if used >= FULL * most:
        return trouble(SUBJECT, text_, advice)
    return warning(SUBJECT, text_, advice) if used > ALMOST_FULL * most else ok(SUBJECT, text_)


def oldest_transaction(session: Session) -> Finding:
    found = session.execute(OLDEST_TRANSACTION).first()
    if found is None or found[2] < OPEN_FOR_LONG.total_seconds():
        return ok(SUBJECT, "no transaction has been open for long")
    pid, who, seconds = found
    return warning(
        SUBJECT,
        f"a transaction of {who} has been open for {seconds / 60:.0f} minutes",
        f"End it, as it keeps dead rows: SELECT pg_terminate_backend({pid})",
    )
