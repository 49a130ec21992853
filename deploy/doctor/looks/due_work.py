"""What is due has a wake-up on its way, and has not been due for long."""

import time
from collections.abc import Iterator

from sqlmodel import Session

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from deploy.doctor.looks.workers import is_led
from shared.database.engine import reading
from shared.messaging.due_work import AT_ONCE, DueWork
from worker_service.scheduler.gauges import live_jobs, owed
from worker_service.scheduler.schedule import due_work

SUBJECT = "waiting"
SENT_WITHIN_S = 5.0  # the scheduler sends what is missing every two seconds
LOOK_S = 0.5
# What is away keeps workers from a job, and not from the message that wakes them for it.
TAKEN_OR_REFUSED = (
    "A scheduler leads and sends them: mend what is said above of Redis, servers and storage, else read its log"
)
# What is a figure of the scheduler's metrics, in seconds: what it is, and the most that is no warning (of the alerts).
WAITS = {
    "genonaut_oldest_waiting_seconds": ("the oldest job that may start waits", 900),
    "genonaut_webhooks_oldest_seconds": ("the oldest webhook is due", 300),
    "genonaut_mails_oldest_seconds": ("the oldest e-mail is due", 300),
}


def look(installation: Installation) -> Iterator[Finding]:
    kinds = due_work(installation.settings)
    with reading(installation.engine) as session:
        led = is_led(session)
    deadline = time.monotonic() + (SENT_WITHIN_S if led else 0)
    without = [work for work in kinds if lacks_wake_ups(installation, work)]
    while without and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        without = [work for work in without if lacks_wake_ups(installation, work)]
    for work in without:
        found = f"rows of the queue {work.queue} are due, and no wake-up is on its way"
        yield trouble(SUBJECT, found, TAKEN_OR_REFUSED if led else "Start a scheduler, which sends them every 2 s")
    if not without:
        yield ok(SUBJECT, "nothing that is due lacks a wake-up")
    with reading(installation.engine) as session:
        yield from long_waits(session)


def lacks_wake_ups(installation: Installation, work: DueWork) -> bool:
    with reading(installation.engine) as session:
        is_due = bool(work.due(session, AT_ONCE))
    return is_due and installation.messenger.waiting_messages(work.queue) == 0


def long_waits(session: Session) -> Iterator[Finding]:
    for metric in (*live_jobs(session), *owed(session)):
        if metric.name not in WAITS:
            continue
        what, most_s = WAITS[metric.name]
        longest = max((sample.value for sample in metric.samples), default=0.0)
        if longest > most_s:
            yield warning(
                SUBJECT, f"{what} for {longest / 60:.0f} minutes", "See docs/operations/runbook.md on what waits"
            )
