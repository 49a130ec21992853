"""`Prefer: wait=N` (RFC 7240): the answer comes once the job has ended, or after N seconds, whichever is first."""

import contextlib
import re
from collections.abc import Sequence

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api_service.doors.v1.streams.connection import stop_when_hung_up
from api_service.jobs import job_queries
from api_service.services import JobsRequest, Services
from api_service.streams.watch import JobWatch, StreamEnded
from shared.models import FINAL, GenerationJob, JobOutput

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = 60
WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(;.*)?", re.IGNORECASE)

JobWithOutputs = tuple[GenerationJob, Sequence[JobOutput]]


def asked_wait_s(request: JobsRequest) -> int | None:
    """For how long the client would wait, as far as that is done here. What is not understood is no preference."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        if found := WAIT.fullmatch(preference):
            return min(int(found[1]), LONGEST_WAIT_S)
    return None


async def ended_within(
    services: Services, request: JobsRequest, known: JobWithOutputs, wait_s: float
) -> JobWithOutputs:
    """The job once it has ended; or as it stands after so long, or when the client has hung up.

    The job is recorded already, so nothing that fails here is told: then it is answered as it was known.
    """
    job = known[0]
    if job.status in FINAL or not wait_s:
        return known
    deadline = anyio.current_time() + wait_s
    async with services.relay.watch(job.id) as watch:
        # Within the watch, so that a wait that is cut off still leaves it in peace.
        with anyio.CancelScope(deadline=deadline) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stop_when_hung_up, request.receive, scope)
                await follow(services, watch)
                scope.cancel()
    return await look(services, job.id) or known


async def follow(services: Services, watch: JobWatch) -> None:
    """Return once the job has ended, or can no longer be followed."""
    found = await look(services, watch.job_id)
    if found is None or found[0].status in FINAL:
        return
    watch.begin(found[0].events, None)
    with contextlib.suppress(StreamEnded):
        while not (await watch.next()).type.is_final:
            pass


async def look(services: Services, job_id: int) -> JobWithOutputs | None:
    """The job as it stands; None if it is gone, or if the database is."""
    try:
        return await services.run(job_queries.job_with_outputs, services.engine, job_id, None)
    except SQLAlchemyError as error:
        log.warning("wait.given_up", job_id=job_id, error=str(error))
        return None
