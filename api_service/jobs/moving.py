"""A job that is queued goes to the front or the back of its owner's jobs."""

from uuid import UUID

from api_service.jobs.job_queries import owned_job
from api_service.refusals.jobs import job_not_found, job_not_movable
from shared.jobs.lanes.moving import MOST_PASSED, LaneEnd, TooManyBetween, move
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus

NO_TURNS = "the oldest job goes first here (FAIRNESS=none); give it another priority instead"
TOO_MANY = f"more than {MOST_PASSED} jobs lie between; give it another priority instead"


def move_job(messenger: Messenger, job_id: int, owner: UUID | None, to: LaneEnd, *, is_fair: bool) -> GenerationJob:
    """Raises Refusal: job_not_found, job_not_movable."""
    with messenger.transaction() as session:
        job = owned_job(session, job_id, owner)
        if job is None:
            raise job_not_found(job_id)
        if job.status != JobStatus.QUEUED:
            raise job_not_movable(f"it is {job.status}; only a queued job has a place")
        if not is_fair:
            raise job_not_movable(NO_TURNS)
        try:
            is_moved = move(session, job, to)
        except TooManyBetween:
            raise job_not_movable(TOO_MANY) from None
        session.refresh(job)
        if not is_moved:
            raise job_not_movable(f"it is {job.status}; only a queued job has a place")
    return job
