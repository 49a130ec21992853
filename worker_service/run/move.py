"""Where a prompt is that was sent before, and what becomes of one that waits in vain.

The latter is taken out of its server's queue, and its job goes on with another prompt, elsewhere.
"""

from uuid import uuid4

import structlog
from sqlmodel import Session

from shared.jobs import lifecycle
from shared.jobs.attempts import Lease, Prompt
from shared.jobs.claim.moving import move
from shared.jobs.errors import ComfyUIUnreachable
from worker_service.comfyui.answers import Gone, Whereabouts
from worker_service.comfyui.client import ComfyUIClient
from worker_service.fleet.health import Fleet
from worker_service.run.resources import RunResources
from worker_service.run.settle import settle
from worker_service.run.surroundings import other_servers

log = structlog.get_logger(__name__)


def moved(client: ComfyUIClient, resources: RunResources, lease: Lease, prompt: Prompt) -> Prompt | None:
    """The prompt to send instead, on an idle server if one is still idle. None if this one's turn has come meanwhile.

    Raises LeaseLost and CancelRequested.
    """
    if not is_taken_out(client, prompt):
        return None
    others, new_id = other_servers(resources, prompt.server), str(uuid4())
    found: list[Prompt] = []

    def transition(session: Session) -> None:
        there = move(session, lease, others, new_id)
        if there is None:
            there = Prompt(prompt.server, new_id)
            lifecycle.redirect(session, lease, there, adopted=False)
        found.append(there)

    settle(resources.messenger, transition)
    there = found[-1]
    log.info("job.moved", out_of=prompt.server, to=there.server)
    return there


def is_taken_out(client: ComfyUIClient, prompt: Prompt) -> bool:
    """Whether the prompt is gone for certain. Where nobody knows, whoever watches it finds out."""
    try:
        client.take_out(prompt.id)
        return isinstance(client.locate(prompt.id), Gone)
    except ComfyUIUnreachable as error:
        log.warning("prompt.not_taken_out", error=str(error))
        return False


def whereabouts(fleet: Fleet, prompt: Prompt) -> Whereabouts:
    """Where an earlier prompt is. A server that refuses connections has ended, and its queue with it."""
    client = fleet.clients.get(prompt.server)
    if client is None:
        return Gone()
    try:
        return client.locate(prompt.id)
    except ComfyUIUnreachable as error:
        if error.refused:
            return Gone()
        raise
