"""What an attempt knows of the server that has its prompt, while it waits there and while it runs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import reading
from shared.jobs.attempts import Prompt
from shared.jobs.claim.moving import idle_server
from shared.tracing.tracing import Kind
from worker_service.comfyui.progress import ProgressSocket
from worker_service.run.resources import RunResources

log = structlog.get_logger(__name__)


class Surroundings:
    """See `Around` in `worker_service.run.prompt.watch`."""

    def __init__(self, resources: RunResources, job_id: int, prompt: Prompt, socket: ProgressSocket) -> None:
        self.resources = resources
        self.job_id = job_id
        self.prompt = prompt
        self.socket = socket
        self.server = resources.fleet.running[prompt.server]

    def is_wedged(self) -> bool:
        return self.prompt.server in self.resources.fleet.wedged

    def is_leaving(self) -> bool:
        return self.prompt.server in self.resources.fleet.leaving

    def is_better_elsewhere(self) -> bool:
        if self.server.unmoved_s < self.resources.timings.queue_patience_s:
            return False
        others = other_servers(self.resources, self.prompt.server)
        if not others:
            return False
        try:
            with reading(self.resources.messenger.engine) as session:
                return idle_server(session, self.job_id, others) is not None
        except SQLAlchemyError as error:
            log.warning("job.not_moved", error=str(error))
            return False

    def heard(self) -> None:
        self.server.heard[self.prompt.id] = time.monotonic()

    def is_running(self) -> None:
        self.socket.is_running(self.prompt.id, patience_s=self.resources.timings.deaf_after_s)

    def waited(self, seconds: float) -> None:
        self.resources.queue_time.add(seconds)


def other_servers(resources: RunResources, server: str) -> Sequence[str]:
    """The servers of this worker but for that one."""
    return [name for name in resources.fleet.clients if name != server]


@contextmanager
def listening(resources: RunResources, job_id: int, prompt: Prompt, socket: ProgressSocket) -> Iterator[Surroundings]:
    """While the block runs, the probes of this worker know that it listens to the prompt. It is a span of the trace."""
    surroundings = Surroundings(resources, job_id, prompt, socket)
    surroundings.heard()
    about = {"server.address": prompt.server, "genonaut.prompt_id": prompt.id}
    try:
        with resources.tracing.span("prompt", about, Kind.CLIENT):
            yield surroundings
    finally:
        surroundings.server.heard.pop(prompt.id, None)
