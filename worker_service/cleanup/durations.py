"""How long jobs of a kind took is forgotten once nobody has run one for long, or too many kinds are known."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count

from sqlalchemy import func, text
from sqlmodel import select

from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.models import JobDuration
from worker_service.cleanup.portion import Portion, Removed, Tools

KEPT_FOR = timedelta(days=90)
MOST = 20_000  # kinds and servers that are known
WINDOW = 500

OLDEST = text("""
SELECT workflow_key, server, seen_on, CAST(seen_on AS timestamptz) AS seen_at FROM job_durations
WHERE (seen_on, workflow_key, server) > (CAST(:seen_on AS date), :workflow_key, :server)
ORDER BY seen_on, workflow_key, server LIMIT :window
""")
FORGET = text("""
DELETE FROM job_durations USING unnest(CAST(:keys AS text[]), CAST(:servers AS text[])) AS gone (key, name)
WHERE workflow_key = gone.key AND server = gone.name AND seen_on <= :until
""")


def old_durations(tools: Tools, _place: str | None) -> Iterator[Portion]:
    with reading(tools.engine) as session:
        too_many = session.exec(select(func.count()).select_from(JobDuration)).one() - MOST
        until = (database_time(session) - KEPT_FOR).date()
    after = {"seen_on": "-infinity", "workflow_key": "", "server": ""}
    for seen in count(step=WINDOW):
        with reading(tools.engine) as session:
            rows = session.connection().execute(OLDEST, {**after, "window": WINDOW}).all()
        goes = [row for number, row in enumerate(rows, seen) if row.seen_on < until or number < too_many]
        yield Portion(goes, oldest=goes[0].seen_at if goes else None)
        if len(goes) < WINDOW:
            return
        after = {name: getattr(goes[-1], name) for name in after}


def remove_durations(tools: Tools, portion: Portion) -> Removed:
    """What is added to meanwhile stays."""
    if not portion.items:
        return Removed()
    given = {
        "keys": [row.workflow_key for row in portion.items],
        "servers": [row.server for row in portion.items],
        "until": portion.items[-1].seen_on,
    }
    with transaction(tools.engine) as session:
        return Removed(session.connection().execute(FORGET, given).rowcount)
