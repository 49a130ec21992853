"""A schedule is run now because somebody asks for it: whatever its time, and whether or not its last job has ended."""

from dataclasses import replace
from uuid import UUID

from anyio import to_thread

from api_service.refusals.schedules import schedule_not_runnable
from api_service.schedules.schedules import find_schedule, schedule_with
from api_service.submit.submit import Acceptance, Accepted, Submission, replay, wake_up
from shared.database.clock import database_time
from shared.schedules.runs import MadeAlready, Skipped, record


async def run_now(acceptance: Acceptance, schedule_id: UUID, submission: Submission) -> Accepted:
    """Make a job of a schedule. `submission` has no jobs; the job is for whom the schedule belongs to.

    Raises Refusal: schedule_not_found, schedule_not_runnable, quota_exceeded, rate_limited, idempotency_key_reused.
    """
    ready = await to_thread.run_sync(look, acceptance, schedule_id, submission, limiter=acceptance.threads)
    if isinstance(ready, Accepted):
        return ready
    await acceptance.limits.count_submissions(ready.charge, 1)
    return await to_thread.run_sync(make, acceptance, schedule_id, ready, limiter=acceptance.threads)


def look(acceptance: Acceptance, schedule_id: UUID, submission: Submission) -> Submission | Accepted:
    """The submission with its owner, who may have one more job; or what the same request made before."""
    engine = acceptance.messenger.engine
    schedule = find_schedule(engine, schedule_id, submission.identity.owner)
    owned = replace(submission, owner=schedule.user_id)
    if replayed := replay(acceptance, owned):
        return replayed
    acceptance.limits.check_quotas(engine, owned.identity, owned.owner, 1)
    return owned


def make(acceptance: Acceptance, schedule_id: UUID, submission: Submission) -> Accepted:
    key, digest = submission.idempotency_key or (None, None)
    try:
        with acceptance.messenger.transaction() as session:
            schedule = schedule_with(session, schedule_id, submission.identity.owner, hold=True)
            job = record(
                session,
                schedule,
                database_time(session),
                sharing=acceptance.sharing,
                request_id=submission.request_id,
                traceparent=acceptance.tracing.traceparent(),
                idempotency_key=key,
                request_digest=digest,
            )
    except Skipped as skipped:
        if isinstance(skipped, MadeAlready) and (made := replay(acceptance, submission)):
            return made
        raise schedule_not_runnable(str(skipped)) from skipped
    return Accepted(wake_up(acceptance, [job]), notes=[()])
