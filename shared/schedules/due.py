"""What is due is run by whoever takes it: the job, and when the next one is due, are written in one transaction.

Two who look at once take different schedules; one that dies in the middle has done nothing. While releases replace
each other, a schedule with a rule that only the newer one knows waits for a scheduler of that one.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.database.troubles.unavailable import is_unavailable
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Missed, Overlap, Schedule
from shared.schedules.runs import MadeAlready, Quotas, Skipped, run
from shared.schedules.timing import timing_of

log = structlog.get_logger(__name__)

AT_ONCE = 500  # schedules; the rest is for the next look
ON_TIME = timedelta(minutes=1)  # a run that is later than this was missed
LONGEST_REASON = 250  # characters
IS_UNDERSTOOD = (col(Schedule.overlap).in_(list(Overlap)), col(Schedule.missed).in_(list(Missed)))
DUE = (
    select(Schedule)
    .where(col(Schedule.next_at) <= func.now(), *IS_UNDERSTOOD)
    .order_by(col(Schedule.next_at))
    .limit(1)
    .with_for_update(skip_locked=True, key_share=True)
)


def run_due(messenger: Messenger, quotas: Quotas) -> int:
    """Run each schedule that is due, in a transaction of its own. Returns how many jobs were made.

    Raises SQLAlchemyError while the database is away.
    """
    made = 0
    for _ in range(AT_ONCE):
        match run_next(messenger, quotas):
            case None:
                break
            case schedule, Skipped() as skipped:
                log.info("schedule.skipped", schedule_id=str(schedule.id), code=skipped.code, reason=str(skipped))
            case schedule, GenerationJob() as job:
                log.info("schedule.ran", schedule_id=str(schedule.id), job_id=job.id)
                wake(messenger, job)
                made += 1
    return made


def run_next(messenger: Messenger, quotas: Quotas) -> tuple[Schedule, GenerationJob | Skipped] | None:
    """Run the schedule that has been due for longest. None if none is due, or others are at them all.

    Whatever goes wrong with it, it is tried at its next time, and keeps no other from running.
    """
    schedule_id: UUID | None = None
    try:
        with messenger.transaction() as session:
            schedule = session.exec(DUE).one_or_none()
            if schedule is None:
                return None
            schedule_id = schedule.id
            return schedule, run_one(session, schedule, quotas)
    except MadeAlready as error:
        skipped: Skipped = error
    except Exception as error:  # whatever it was, the schedules behind this one are due too
        if schedule_id is None or is_unavailable(error):
            raise
        log.exception("schedule.failed", schedule_id=str(schedule_id))
        skipped = Skipped("failed", f"the job could not be made: {type(error).__name__}")
    with messenger.transaction() as session:
        again = session.exec(DUE.where(col(Schedule.id) == schedule_id)).one_or_none()
        if again is not None:  # and nobody else has moved it on meanwhile
            move_on(again, skipped, database_time(session))
        return (again, skipped) if again is not None else None


def run_one(session: Session, schedule: Schedule, quotas: Quotas) -> GenerationJob | Skipped:
    """Run a schedule that is due, whose row is held; and plan the run after this one. Raises MadeAlready."""
    outcome: GenerationJob | Skipped
    planned_at, now = due_since(schedule), database_time(session)
    try:
        refuse_missed(schedule, planned_at, now)
        outcome = run(session, schedule, planned_at, quotas)
    except MadeAlready:
        raise
    except Skipped as skipped:
        outcome = skipped
    move_on(schedule, outcome, now)
    return outcome


def move_on(schedule: Schedule, outcome: GenerationJob | Skipped, now: datetime) -> None:
    """Note what came of the run that was due, and plan the next one."""
    planned_at = due_since(schedule)
    if isinstance(outcome, Skipped):
        note_skip(schedule, planned_at, now, outcome)
    # What came due meanwhile and is on time still is run as well.
    plan(schedule, max(planned_at, now - ON_TIME))


def due_since(schedule: Schedule) -> datetime:
    assert schedule.next_at is not None, "it is due"
    return schedule.next_at


def refuse_missed(schedule: Schedule, planned_at: datetime, now: datetime) -> None:
    if schedule.missed is Missed.SKIP and now - planned_at > ON_TIME:
        raise Skipped("missed", f"its time had passed by {(now - planned_at).total_seconds():.0f} s before it was seen")


def note_skip(schedule: Schedule, planned_at: datetime, now: datetime, skipped: Skipped) -> None:
    schedule.last_skip = {
        "planned_at": planned_at.isoformat(),
        "at": now.isoformat(),
        "code": skipped.code,
        "message": str(skipped)[:LONGEST_REASON],
    }
    schedule.skips += 1


def plan(schedule: Schedule, moment: datetime) -> None:
    """Plan the first run after this moment. One whose time zone is not known here any more is paused."""
    try:
        schedule.next_at = timing_of(schedule.cron, schedule.time_zone).next_after(moment)
    except ValueError as error:
        schedule.next_at, schedule.paused = None, True
        schedule.paused_reason = f"when it runs cannot be told: {error}"[:LONGEST_REASON]


def wake(messenger: Messenger, job: GenerationJob) -> None:
    """Have a worker look. If Redis does not take it, the sweep of missing wake-ups finds the row."""
    if job.message_id is not None:
        messenger.send(RunComfyJob(job_id=job.id), job.message_id)
