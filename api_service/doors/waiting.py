"""`Prefer: wait=N` (RFC 7240) holds an answer back until the job, or what else is asked for, has ended."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from api_service.doors.binding import ApiRequest
from api_service.http.server.hang_up import stop_when_hung_up
from api_service.jobs.job_queries import JobWithOutputs, find_job_with_outputs
from api_service.streams.wait_for_end import SILENCE, Meanwhile, wait_for_end
from api_service.streams.watch import Holder, KeyEnded
from shared.models import FINAL

log = structlog.get_logger(__name__)

LONGEST_WAIT_S = 60
WAIT = re.compile(r"\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(;.*)?", re.IGNORECASE)


def asked_wait_s(request: Request[Any], longest: int = LONGEST_WAIT_S) -> int | None:
    """For how long the client would wait, as far as that is done here. What is not understood is no preference."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        if found := WAIT.fullmatch(preference):
            return min(int(found[1]), longest)
    return None


async def ended_within(request: ApiRequest[Any, Any], known: JobWithOutputs, wait_s: float) -> JobWithOutputs:
    """The job once it has ended; or as it is after that time, or when the client has hung up.

    The job is recorded already, so an error here is not the client's: then the answer is what was known. So it is once
    the key has ended: it learns nothing more.
    """
    job = known[0]
    if job.status in FINAL or not wait_s:
        return known
    may_learn = True
    async with while_awaited(request.http, wait_s):
        try:
            await until_ended(request, job.id)
        except KeyEnded:
            may_learn = False
    return (may_learn and await read_job(request, job.id)) or known


@asynccontextmanager
async def while_awaited(http: Request[Any], wait_s: float) -> AsyncIterator[None]:
    """What is in the block goes on for that time at most, and ends when the client has hung up. What it raises
    comes as a group."""
    with anyio.move_on_after(wait_s) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop_when_hung_up, http.receive, scope)
            yield
            scope.cancel()


async def until_ended(request: ApiRequest[Any, Any], job_id: int, meanwhile: Meanwhile = SILENCE) -> None:
    """Return once the job has ended, which its owner has seen by that, or cannot be followed. Raises KeyEnded."""
    holder = Holder(request.identity.key_id, user_id=request.identity.user_id)
    await wait_for_end(request.services.relay, job_id, holder, partial(read_job, request, job_id), meanwhile)


async def read_job(request: ApiRequest[Any, Any], job_id: int) -> JobWithOutputs | None:
    """The job as it is now; None if it is gone, or if the database is."""
    services = request.services
    try:
        return await services.run(find_job_with_outputs, services.engine, job_id, None)
    except SQLAlchemyError as error:
        log.warning("wait.given_up", job_id=job_id, error=str(error))
        return None


def preference_applied(wait_s: int | None) -> dict[str, str]:
    """The header that says how long the answer was held back at most."""
    return {} if wait_s is None else {"Preference-Applied": f"wait={wait_s}"}
