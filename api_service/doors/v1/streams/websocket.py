"""Jobs, as they go, over a WebSocket: a snapshot first, then each event once, then a close that says how it ended."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import anyio
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from api_service.accounts.keyring import Identity
from api_service.doors.v1.jobs.job_views import JobView, SnapshotView
from api_service.doors.v1.streams.connection import HUNG_UP_S, SEND_S, STOPPING, TOO_SLOW, identify, stop_when_hung_up
from api_service.doors.v1.streams.views import JobsSnapshotView
from api_service.jobs import job_queries
from api_service.limits.enforce import open_stream
from api_service.refusals.problems import Problem
from api_service.services import JobsWebSocket
from api_service.streams import stream_queries
from api_service.streams.watch import JobWatch, ServerStops, TooSlow, Watch, place_at
from shared.jobs.urls import number_in
from shared.models import FINAL, HELD, JobStatus

log = structlog.get_logger(__name__)

MOST_JOBS = 1000  # of a snapshot
LONGEST_REASON = 123  # bytes: what a close frame holds
EVERYBODY = "all"


class Closing(NamedTuple):
    code: int
    reason: str


# 4000 and the status of HTTP that says the same, where there is one.
NO_SUCH_JOB = Closing(4404, "there is no such job")
NOT_YOURS = Closing(4403, "only an admin may watch the jobs of others")
SLOW = Closing(4408, TOO_SLOW)
RESTART = Closing(1012, STOPPING)
TRY_AGAIN = Closing(1013, "the database cannot be reached right now")

Tell = Callable[[JobsWebSocket, Identity], Awaitable[Closing]]


async def watch_job(websocket: JobsWebSocket) -> None:
    """`/ws/jobs/{job_id}`; with `?previews=true` the sampler's previews come along."""
    await stream(websocket, tell_job)


async def watch_jobs(websocket: JobsWebSocket) -> None:
    """`/ws/jobs`: all of the caller's, or with `?job_ids=1,2,3` these; for admins `?user_id=` of another, or `all`."""
    await stream(websocket, tell_jobs)


async def stream(websocket: JobsWebSocket, tell: Tell) -> None:
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_when_hung_up, websocket.receive, tasks.cancel_scope)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await admit(websocket, tell)
        tasks.cancel_scope.cancel()


async def admit(websocket: JobsWebSocket, tell: Tell) -> None:
    """See who listens, tell them everything, and close. The stream counts as open until it is closed."""
    services = websocket.state.services
    try:
        identity = await identify(services, websocket.headers, websocket.query_params)
        async with open_stream(services, identity):
            await close(websocket, await told(websocket, tell, identity))
    except Problem as problem:
        await close(websocket, Closing(4000 + problem.status, problem.detail))
    except SQLAlchemyError as error:
        log.warning("live.nobody_known", error=str(error))
        await close(websocket, TRY_AGAIN)


async def close(websocket: JobsWebSocket, closing: Closing) -> None:
    log.info("live.closed", path=websocket.scope["path"], code=closing.code)
    with anyio.move_on_after(HUNG_UP_S):
        await websocket.close(closing.code, closing.reason.encode()[:LONGEST_REASON].decode(errors="ignore"))


async def told(websocket: JobsWebSocket, tell: Tell, identity: Identity) -> Closing:
    """Tell the watcher everything until there is no more to come. Returns what to close with."""
    try:
        return await tell(websocket, identity)
    except (TooSlow, TimeoutError):
        log.info("live.too_slow", path=websocket.scope["path"])
        return SLOW
    except ServerStops:
        return RESTART
    except SQLAlchemyError as error:
        log.warning("live.no_snapshot", path=websocket.scope["path"], error=str(error))
        return TRY_AGAIN


async def tell_job(websocket: JobsWebSocket, identity: Identity) -> Closing:
    services = websocket.state.services
    job_id = number_in(websocket.path_params["job_id"])
    if job_id is None:
        return NO_SUCH_JOB
    previews = websocket.query_params.get("previews", "") in {"1", "true"}
    async with services.relay.watch(job_id, previews=previews) as watch:
        status = await begin_job(websocket, watch, identity.owner)
        if status is None:
            return NO_SUCH_JOB
        if status in FINAL:
            return Closing(1000, status)
        while True:
            event = await watch.next()
            await send(websocket, event.text)
            if event.type.is_final:
                return Closing(1000, event.type)


# What a watcher is told first is large: it is made in functions of its own, so that nothing of it is kept afterwards.


async def begin_job(websocket: JobsWebSocket, watch: JobWatch, owner: UUID | None) -> JobStatus | None:
    """Show how the job stands, and let the watch go on from there. Its status; None if there is no such job."""
    services = websocket.state.services
    found = await services.run(job_queries.job_with_outputs, services.engine, watch.job_id, owner)
    if found is None:
        return None
    job, outputs = found
    running = () if job.status in FINAL else (job.id,)
    progress = (await services.relay.last_progress(*running)).get(job.id)
    watch.begin(job.events, progress)
    view = SnapshotView(
        job_id=job.id,
        sequence=job.events,
        job=JobView.of(job, outputs),
        progress=progress.data if progress else None,
    )
    await send(websocket, view.model_dump_json())
    return job.status


class Wish(BaseModel):
    """The query parameters of `/ws/jobs`."""

    model_config = ConfigDict(extra="ignore")

    job_ids: str | None = Field(None, pattern=r"^\d{1,10}(,\d{1,10})*$")
    user_id: UUID | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "Wish | Closing":
        """What is wished, or how to close on one that cannot be understood."""
        given = {name: value for name, value in parameters.items() if value != EVERYBODY}
        try:
            wish = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            return Closing(4422, f"{first['loc'][0]}: {first['msg']}")
        if len(wish.numbers) > MOST_JOBS:
            return Closing(4422, f"job_ids: at most {MOST_JOBS}")
        return wish

    @property
    def numbers(self) -> list[int]:
        found = (number_in(text) for text in (self.job_ids or "").split(",") if text)
        return list(dict.fromkeys(number for number in found if number is not None))


async def tell_jobs(websocket: JobsWebSocket, identity: Identity) -> Closing:
    parameters = websocket.query_params
    wish = Wish.of(parameters)
    if isinstance(wish, Closing):
        return wish
    if wish.job_ids is not None:
        return await tell_some(websocket, identity.owner, wish.numbers)
    user_id = None if parameters.get("user_id") == EVERYBODY else wish.user_id or identity.user_id
    if user_id != identity.user_id and not identity.is_admin:
        return NOT_YOURS
    return await tell_all(websocket, user_id)


async def tell_some(websocket: JobsWebSocket, owner: UUID | None, job_ids: Collection[int]) -> Closing:
    """Tell of these jobs until all have ended."""
    async with websocket.state.services.relay.watch_jobs(job_ids) as watch:
        statuses = await begin_some(websocket, watch, owner, job_ids)
        going = {job_id for job_id, status in statuses.items() if status not in FINAL}
        while going:
            event = await watch.next()
            if event.job_id in going:
                await send(websocket, event.text)
                if event.type.is_final:
                    going.remove(event.job_id)
    return Closing(1000, "all have ended") if statuses else NO_SUCH_JOB


async def begin_some(
    websocket: JobsWebSocket, watch: Watch, owner: UUID | None, job_ids: Collection[int]
) -> dict[int, JobStatus]:
    services = websocket.state.services
    rows = await services.run(stream_queries.some_jobs, services.engine, job_ids, owner)
    await begin(websocket, watch, rows, not_found=sorted(set(job_ids) - {row.id for row in rows}))
    return {row.id: row.status for row in rows}


async def tell_all(websocket: JobsWebSocket, user_id: UUID | None) -> Closing:
    """Tell of all jobs of a user (None: of everybody's), those that are yet to come too, until the watcher leaves."""
    async with websocket.state.services.relay.watch_user(user_id) as watch:
        await begin_all(websocket, watch, user_id)
        while True:
            await send(websocket, (await watch.next()).text)


async def begin_all(websocket: JobsWebSocket, watch: Watch, user_id: UUID | None) -> None:
    services = websocket.state.services
    since, rows = await services.run(stream_queries.live_jobs, services.engine, user_id, MOST_JOBS + 1)
    await begin(websocket, watch, rows[:MOST_JOBS], since=since, cut=len(rows) > MOST_JOBS)


async def begin(
    websocket: JobsWebSocket, watch: Watch, rows: Sequence[Row[Any]], since: datetime | None = None, **values: Any
) -> None:
    """Show how the jobs stand, and let the watch go on from there."""
    running = [row.id for row in rows if row.status in HELD]
    progress = await websocket.state.services.relay.last_progress(*running)
    watch.start({row.id: place_at(row.events, progress.get(row.id)) for row in rows}, since)
    await send(websocket, JobsSnapshotView.of(rows, progress, **values).model_dump_json())


async def send(websocket: JobsWebSocket, text: str) -> None:
    async with asyncio.timeout(SEND_S):
        await websocket.send_text(text)


ROUTES = [WebSocketRoute("/ws/jobs", watch_jobs), WebSocketRoute("/ws/jobs/{job_id}", watch_job)]
