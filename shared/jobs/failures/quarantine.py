"""A workflow that brings one server after the other to grief is put in quarantine, and not run until it is released.

In a row means: an attempt that had begun before the failure before it says nothing new, so that servers which end at
once, as at a restart, count once. A job of the same fingerprint that completes begins the count anew.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.fleet.servers import usable_servers
from shared.jobs.attempts import Lease
from shared.jobs.errors import GenerationError, OutOfMemory, Permanent, PromptLost, ServerWedged, Stalled
from shared.models import GenerationJob, JobAttempt, JobStatus, SuspectWorkflow

QUARANTINE = "/api/v1/quarantine"
FORGOTTEN_AFTER = timedelta(days=7)  # without another failure
MOST_USERS = 100  # are noted of a workflow
# What speaks against a workflow: these always, ...
HARMFUL = frozenset({OutOfMemory.code, Stalled.code})
# ... and these if its prompt ran as its server came to grief.
HARMFUL_IF_RUNNING = frozenset({PromptLost.code, ServerWedged.code})
IN_QUARANTINE = col(SuspectWorkflow.quarantined_at).is_not(None)


class Strike(NamedTuple):
    """An attempt at a job that brought its server to grief."""

    lease: Lease
    fingerprint: str | None
    user_id: UUID
    server: str
    error: GenerationError


def is_harmful(error: GenerationError) -> bool:
    """Whether it may be the workflow that has crashed, hung or wedged its server, or filled its memory."""
    return error.code in HARMFUL or (error.code in HARMFUL_IF_RUNNING and error.details.get("was_running") is True)


def note_strike(session: Session, strike: Strike, after: int | None) -> bool:
    """Count an attempt that has just ended against its workflow, if it speaks against it. Returns whether the workflow
    is put in quarantine by it: after so many servers (None: never), or as many attempts where there are fewer."""
    if after is None or strike.fingerprint is None or not is_harmful(strike.error):
        return False
    forget_old(session)
    suspect = held_suspect(session, strike)
    if suspect.quarantined_at is not None or (suspect.strikes and not is_after(session, strike, suspect)):
        return False
    now = database_time(session)
    if suspect.error_code != strike.error.code or has_completed_since(session, strike.fingerprint, suspect.last_at):
        suspect.strikes, suspect.servers, suspect.user_ids = 0, [], []
        suspect.first_at = now
    suspect.error_code, suspect.job_id = strike.error.code, strike.lease.job_id
    suspect.strikes += 1
    suspect.servers = list(dict.fromkeys([*suspect.servers, strike.server]))
    suspect.user_ids = list(dict.fromkeys([*suspect.user_ids, strike.user_id]))[:MOST_USERS]
    suspect.last_at = now
    _, named = usable_servers(session)
    if (suspect.strikes if named < after else len(suspect.servers)) < after:
        return False
    suspect.quarantined_at = suspect.last_at
    return True


def forget_old(session: Session) -> None:
    is_old = col(SuspectWorkflow.last_at) < func.now() - FORGOTTEN_AFTER
    session.exec(delete(SuspectWorkflow).where(is_old, ~IN_QUARANTINE).execution_options(synchronize_session=False))


def held_suspect(session: Session, strike: Strike) -> SuspectWorkflow:
    """The row of the workflow, which may be a new one without strikes."""
    first = {"fingerprint": strike.fingerprint, "error_code": strike.error.code, "job_id": strike.lease.job_id}
    session.connection().execute(insert(SuspectWorkflow).values(**first).on_conflict_do_nothing())
    return session.get_one(SuspectWorkflow, strike.fingerprint, with_for_update=True)


def is_after(session: Session, strike: Strike, suspect: SuspectWorkflow) -> bool:
    """Whether the attempt began after the last failure that was counted."""
    began = session.exec(
        select(JobAttempt.started_at).where(
            JobAttempt.job_id == strike.lease.job_id, JobAttempt.attempt == strike.lease.attempt
        )
    ).one()
    return began > suspect.last_at


def has_completed_since(session: Session, fingerprint: str | None, moment: datetime) -> bool:
    """Whether a job of the workflow has completed since."""
    completed = select(GenerationJob.id).where(
        col(GenerationJob.workflow_key) == fingerprint,
        col(GenerationJob.status) == JobStatus.COMPLETED,
        col(GenerationJob.completed_at) > moment,
    )
    return session.exec(completed.limit(1)).first() is not None


def quarantined(session: Session, fingerprints: Collection[str | None]) -> Mapping[str, SuspectWorkflow]:
    """Those of these workflows that are in quarantine, by fingerprint."""
    known = {one for one in fingerprints if one is not None}
    if not known:
        return {}
    found = session.exec(select(SuspectWorkflow).where(col(SuspectWorkflow.fingerprint).in_(known), IN_QUARANTINE))
    return {one.fingerprint: one for one in found}


def why(suspect: SuspectWorkflow) -> str:
    """What its owner reads: what happened, since when, and what to do."""
    where = "all on one server" if len(suspect.servers) == 1 else f"on {len(suspect.servers)} servers"
    return (
        f"the workflow is in quarantine since {suspect.quarantined_at:%Y-%m-%d %H:%M} UTC: {suspect.strikes} attempts "
        f"in a row ended with {suspect.error_code}, {where}; change the workflow, or ask an admin to release it: "
        f"DELETE {QUARANTINE}/{suspect.fingerprint}"
    )


class WorkflowQuarantined(Permanent):
    """The workflow has brought one server after the other to grief, and its prompt was not sent."""

    code = "workflow_quarantined"

    def __init__(self, suspect: SuspectWorkflow) -> None:
        super().__init__(why(suspect))
        self.details = {"fingerprint": suspect.fingerprint, "error_code": suspect.error_code}
