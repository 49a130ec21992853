"""Workers, a scheduler that leads and APIs are alive, and all of them are of the same version."""

from collections.abc import Iterator

from sqlalchemy import func, text
from sqlmodel import Session, select

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.database.connected import connected_services
from shared.database.engine import APPLICATIONS, reading
from shared.models import Worker
from shared.version import VERSION
from worker_service.scheduler.gauges import ALIVE, IS_ALIVE
from worker_service.scheduler.leadership import LEADER_LOCK

SUBJECT = "workers"
LEADERS = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def look(installation: Installation) -> Iterator[Finding]:
    with reading(installation.engine) as session:
        yield workers(session)
        yield scheduler(session)
        yield from versions(session)


def workers(session: Session) -> Finding:
    alive = session.scalars(select(func.count()).select_from(Worker).where(IS_ALIVE)).one()
    if not alive:
        found = f"no worker was seen in the last {ALIVE.seconds} s: jobs wait for one"
        return trouble(SUBJECT, found, "Start a worker, or read the log of the one that runs")
    return ok(SUBJECT, f"{alive} seen in the last {ALIVE.seconds} s")


def is_led(session: Session) -> bool:
    return bool(session.scalar(LEADERS, {"key": LEADER_LOCK}))


def scheduler(session: Session) -> Finding:
    if is_led(session):
        return ok(SUBJECT, "a scheduler leads")
    found = "no scheduler leads: what Redis loses is not sent again, and schedules do not run"
    return trouble(SUBJECT, found, "Start one, better two")


def versions(session: Session) -> Iterator[Finding]:
    connected = [name.removeprefix(APPLICATIONS).partition(" ") for name in connected_services(session)]
    others = [
        f"{service} {version or 'of no known version'}" for service, _, version in connected if version != VERSION
    ]
    if others:
        yield warning(
            SUBJECT,
            f"other versions than {VERSION}, which this is, are connected: {', '.join(others)}",
            "They work beside each other during an update; end it",
        )
    elif connected:
        yield ok(SUBJECT, f"all that are connected are version {VERSION}")
