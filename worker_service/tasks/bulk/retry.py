"""Jobs that have ended are submitted again, as many at a time as may wait; what they ask for is as it was."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import Row
from sqlmodel import Session, col, select

from shared.accounts.quotas import queued_jobs
from shared.database.fast_rows import new_row
from shared.files.asset_uses import held_assets, record_uses
from shared.jobs import before_start
from shared.jobs.failures.quarantine import WorkflowQuarantined, quarantined
from shared.jobs.transitions import is_one_of
from shared.models import FINAL, GenerationJob, JobStatus, JobWebhook, Task, User
from shared.usage.budgets import jobs_left, used_up
from shared.webhooks.own import OwnWebhook, record_webhooks
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import text_to_image
from worker_service.tasks.bulk.pages import PAGE, Change
from worker_service.tasks.turns.turn import Postponed, TaskFailed, Turn

ROOM_AGAIN = timedelta(seconds=10)  # places become free as jobs start
AT_ONCE = 50  # whole rows in memory
SAME = (
    *("user_id", "job_type", "prompt", "negative_prompt", "checkpoint_model", "lora_models", "width", "height"),
    *("batch_size", "params", "output_nodes", "temp_outputs", "workflow", "assets", "extra_pnginfo", "workflow_key"),
    *("caller_metadata", "priority", "max_attempts", "shape", "work", "requires"),
)
NOT_REPEATABLE, ASSET_GONE, NOT_ALLOWED = "not_repeatable", "asset_gone", "node_not_allowed"
QUARANTINED = WorkflowQuarantined.code


class Retry:
    """Each new job names the old one as its parent."""

    def room(self, session: Session, turn: Turn) -> int:
        """How many more of the user's jobs may wait. Raises Postponed; TaskFailed, where too much is stored, or a
        budget is used up: it is looked at page by page."""
        most = turn.task.terms.get("stored_bytes")
        user = session.get_one(User, turn.task.user_id)
        if most is not None and user.stored_bytes >= most:
            raise TaskFailed("quota_exceeded", f"what the user has stored has reached {most} bytes")
        if exceeded := used_up(session, user, turn.resources.budgets):
            raise TaskFailed("quota_exceeded", exceeded.reason)
        left = jobs_left(session, user, turn.resources.budgets)
        room = PAGE if left is None else min(PAGE, left)
        queued = turn.task.terms.get("queued_jobs")
        if queued is not None:
            room = min(room, int(queued) - queued_jobs(session, turn.task.user_id, queued))
        if room <= 0:
            raise Postponed(ROOM_AGAIN)
        return room

    def objection(self, _turn: Turn, job: Row[Any]) -> str | None:
        return None if job.status in FINAL else str(job.status)

    def apply(self, session: Session, turn: Turn, jobs: Sequence[Row[Any]]) -> Change:
        skipped: dict[int, str] = {}
        for first in range(0, len(jobs), AT_ONCE):
            ids = [job.id for job in jobs[first : first + AT_ONCE]]
            skipped |= submit_again(session, turn, ids)
        return Change(skipped, lambda: None if len(skipped) == len(jobs) else wake(turn))


def wake(turn: Turn) -> None:
    turn.resources.wake_jobs()


def submit_again(session: Session, turn: Turn, ids: Sequence[int]) -> dict[int, str]:
    """Submit these jobs again. Returns those that cannot be, each with the reason."""
    parents = session.exec(select(GenerationJob).where(is_one_of(ids)).order_by(col(GenerationJob.id))).all()
    needed = {named for job in parents for named in named_by(job)}
    held = held_assets(session, needed) if needed else set()
    skipped = {job.id: reason for job in parents if (reason := objection(turn, job, held))}
    kept_out = quarantined(session, {job.workflow_key for job in parents})
    skipped |= {job.id: QUARANTINED for job in parents if job.workflow_key in kept_out}
    copies = [copy_of(job, turn.task) for job in parents if job.id not in skipped]
    if copies:
        before_start.submit_all(session, copies, sharing=turn.resources.sharing)
        record_uses(session, [(copy.id, assets_of(copy)) for copy in copies])
        copy_webhooks(session, copies)
    session.expunge_all()
    return skipped


def objection(turn: Turn, job: GenerationJob, held: set[tuple[UUID, UUID]]) -> str | None:
    if named_by(job) - held:
        return ASSET_GONE
    try:
        graph = job.workflow if job.workflow is not None else text_to_image(TextToImage.from_job(job))
    except ValidationError:
        return NOT_REPEATABLE
    fence = turn.resources.fence
    return NOT_ALLOWED if any(fence.objection(str(node["class_type"])) for node in graph.values()) else None


def copy_of(job: GenerationJob, task: Task) -> GenerationJob:
    """The job as it would be asked for again: at once, and without the deadline and the secrets that it had."""
    return new_row(
        GenerationJob,
        **{name: getattr(job, name) for name in SAME},
        status=JobStatus.QUEUED,
        message_id=str(uuid4()),
        parent_id=job.id,
        request_id=task.request_id,
        key_id=task.terms.get("key_id"),
    )


def assets_of(job: GenerationJob) -> set[UUID]:
    return {UUID(asset_id) for by_name in (job.assets or {}).values() for asset_id in by_name.values()}


def named_by(job: GenerationJob) -> set[tuple[UUID, UUID]]:
    """The assets that it takes, each with the user whose it has to be."""
    return {(job.user_id, asset_id) for asset_id in assets_of(job)}


def copy_webhooks(session: Session, copies: Sequence[GenerationJob]) -> None:
    """Where a job wanted its end to be told, its copy wants it too."""
    by_parent = {copy.parent_id: copy for copy in copies}
    of_users: defaultdict[UUID, list[tuple[int, OwnWebhook]]] = defaultdict(list)
    for one in session.exec(select(JobWebhook).where(col(JobWebhook.job_id).in_(by_parent))):
        copy = by_parent[one.job_id]
        of_users[copy.user_id].append((copy.id, OwnWebhook(one.url, one.secret)))
    for user_id, named in sorted(of_users.items()):
        record_webhooks(session, user_id, named)
