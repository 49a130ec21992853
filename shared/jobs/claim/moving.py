"""A job whose prompt waits in a queue that does not move goes to a server that has nothing to do, in the same attempt.

It never ran where it waited, so nothing has failed: no attempt is counted, and no pause is made.
"""

from collections.abc import Sequence

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from shared.fleet.capabilities import RUNNABLE, SERVER
from shared.jobs import lifecycle
from shared.jobs.attempts import Lease, Prompt
from shared.jobs.claim.conditions import SERVERS
from shared.jobs.claim.free_server import IDLE_SERVERS
from shared.models import ComfyUIServer, GenerationJob


def idle_server(session: Session, job_id: int, servers: Sequence[str], *, is_locked: bool = False) -> str | None:
    """One of these servers that nobody uses and that can run the job. Locked, nobody else gives it a job meanwhile."""
    found = IDLE_SERVERS.with_for_update(key_share=True, skip_locked=True) if is_locked else IDLE_SERVERS
    for name in session.execute(found, {SERVERS.key: list(servers)}).scalars():
        runnable = select(GenerationJob.id).where(col(GenerationJob.id) == job_id, RUNNABLE)
        if session.execute(runnable, {SERVER.key: name}).first() is not None:
            return str(name)
    return None


def move(session: Session, lease: Lease, servers: Sequence[str], prompt_id: str) -> Prompt | None:
    """Let the job go on with another prompt on an idle one of these servers. None if none is idle any more. Raises
    LeaseLost and CancelRequested."""
    name = idle_server(session, lease.job_id, servers, is_locked=True)
    if name is None:
        return None
    prompt = Prompt(name, prompt_id)
    lifecycle.redirect(session, lease, prompt, adopted=False)
    checkpoint = select(GenerationJob.checkpoint_model).where(col(GenerationJob.id) == lease.job_id).scalar_subquery()
    loaded = col(ComfyUIServer.loaded_checkpoint)
    session.execute(
        update(ComfyUIServer)
        .where(col(ComfyUIServer.name) == name, checkpoint.is_not(None), loaded.is_distinct_from(checkpoint))
        .values(loaded_checkpoint=checkpoint, loaded_since=func.now())
        .execution_options(synchronize_session=False)
    )
    return prompt
