"""Jobs are cancelled at once where none of their prompts can be alive, else once their worker says the prompt is gone.

One job is cancelled as many are, in as many statements. Asking twice is the same as asking once.
"""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from shared.jobs.job_events import record_events
from shared.jobs.lanes.parking import fill_after
from shared.jobs.transitions import TRANSITIONS, is_one_of, transition
from shared.jobs.turns import give_back
from shared.models import EventType, GenerationJob

CANCELLABLE = TRANSITIONS["cancel"].sources


def cancel_many(session: Session, job_ids: Sequence[int]) -> Sequence[GenerationJob]:
    """Cancel these jobs, whose rows are `cancelled` or `cancelling` after that. Returns those that this changed."""
    # All of them are locked first, in one order: two who cancel never wait for each other, and nothing happens to a job
    # between these steps.
    ids = col(GenerationJob.id)
    session.exec(select(ids).where(is_one_of(job_ids)).order_by(ids).with_for_update()).all()
    # Waiting ones, and those that the former system left running: no worker holds them, and no server has their prompt.
    nowhere = col(GenerationJob.server).is_(None)
    dropped = transition(session, "drop", job_ids, nowhere, completed_at=func.now())
    give_back(session, dropped)
    fill_after(session, dropped)
    record_events(session, dropped, EventType.CANCELLED)
    # A job that waits with a prompt in doubt has no worker: let the next one take it over.
    lease_expires_at = func.coalesce(GenerationJob.lease_expires_at, func.now())
    withdrawn = transition(session, "cancel", job_ids, lease_expires_at=lease_expires_at)
    record_events(session, withdrawn, EventType.CANCELLING)
    return [*dropped, *withdrawn]


def cancel_one(session: Session, job_id: int) -> GenerationJob | None:
    """Cancel one job. Returns it as it is after that, unchanged if it had ended; None if there is none."""
    changed = cancel_many(session, [job_id])
    return changed[0] if changed else session.get(GenerationJob, job_id, populate_existing=True)
