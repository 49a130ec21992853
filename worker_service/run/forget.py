"""ComfyUI forgets a prompt once nobody needs what its history says of it, or the history would grow with every job."""

import structlog

from shared.jobs.errors import ComfyUIUnreachable
from worker_service.run.attempt import Attempt

log = structlog.get_logger(__name__)


def forget_prompt(attempt: Attempt) -> None:
    """Have the server forget this attempt's prompt. Call it after the commit that makes the prompt useless: a worker
    that adopts the job before that still finds the result. What fails is left to the server, which keeps 10,000."""
    if attempt.resources.keep_history:
        return
    try:
        attempt.client().forget(attempt.prompt.id)
    except ComfyUIUnreachable as error:
        log.debug("prompt.not_forgotten", server=attempt.prompt.server, error=str(error))
