"""Jobs, live, over a WebSocket: a snapshot first, then each event once, then a close that says how it ended."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import anyio
import structlog
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from api_service.accounts.identity import Identity
from api_service.doors.binding import JobsWebSocket, signed_urls
from api_service.doors.closings import ALL_ENDED, NO_SUCH_JOB, TRY_AGAIN, Closing, close, closing_after
from api_service.doors.v1.jobs.job_views import JobView, OutputView, SnapshotView
from api_service.doors.v1.streams.connection import admit, holder_of
from api_service.doors.v1.streams.event_texts import text_of
from api_service.doors.v1.streams.queries import MOST_JOBS, JobWatchQuery, WatchQuery
from api_service.doors.v1.streams.views import JobsSnapshotView
from api_service.http.bodies import read_query
from api_service.http.server.hang_up import stop_when_hung_up
from api_service.jobs import job_queries
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.refusal import Refusal
from api_service.streams import stream_queries
from api_service.streams.watch import JobWatch, Watch, position_at
from shared.jobs.urls import number_in
from shared.models import FINAL, HELD, JobStatus

log = structlog.get_logger(__name__)

Stream = Callable[[JobsWebSocket, Identity], Awaitable[Closing]]


async def watch_job(websocket: JobsWebSocket) -> None:
    """`/ws/jobs/{job_id}`; with `?previews=true` the sampler's previews too, with `?last_event_id=` what was before."""
    await serve(websocket, stream_job)


async def watch_jobs(websocket: JobsWebSocket) -> None:
    """`/ws/jobs`: all of the caller's, or with `?job_ids=1,2,3` these; for admins `?user_id=` of another, or `all`.
    With `?previews=true` the sampler's previews too."""
    await serve(websocket, stream_jobs)


async def serve(websocket: JobsWebSocket, stream: Stream) -> None:
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_when_hung_up, websocket.receive, tasks.cancel_scope)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await answer(websocket, stream)
        tasks.cancel_scope.cancel()


async def answer(websocket: JobsWebSocket, stream: Stream) -> None:
    """Identify the client, send it everything, and close. The stream counts as open until it is closed."""
    services = websocket.state.services
    try:
        identity = await admit(websocket)
        async with services.limits.open_stream(identity):
            await close(websocket, await closing_after(websocket, stream(websocket, identity)))
    except Refusal as refusal:
        await close(websocket, Closing.of(refusal))
    except SQLAlchemyError as error:
        log.warning("live.nobody_known", error=str(error))
        await close(websocket, TRY_AGAIN)


async def stream_job(websocket: JobsWebSocket, identity: Identity) -> Closing:
    """Send the events of one job until it has ended."""
    query = read_query(websocket, JobWatchQuery)
    job_id = number_in(websocket.path_params["job_id"])
    if job_id is None:
        return NO_SUCH_JOB
    relay = websocket.state.services.relay
    async with relay.watch(job_id, holder_of(identity), previews=query.previews) as watch:
        status = await send_job(websocket, watch, identity, query.last_event_id)
        if status is None:
            return NO_SUCH_JOB
        if status in FINAL:
            return Closing(1000, status)
        while True:
            event = await watch.next()
            await send(websocket, text_of(event))
            if event.type.is_final:
                return Closing(1000, event.type)


# A snapshot is large: it is made in functions of its own, so that nothing of it is kept while the stream goes on.


async def send_job(
    websocket: JobsWebSocket, watch: JobWatch, identity: Identity, after: int | None
) -> JobStatus | None:
    """Send the job's snapshot, and its events up to there that came `after` one, if one is named. The watch goes on
    from there. Returns the job's status; None if there is no such job."""
    services = websocket.state.services
    found = await services.run(job_queries.find_job_with_outputs, services.engine, watch.job_id, identity.owner)
    if found is None:
        return None
    job, outputs = found
    running = () if job.status in FINAL else (job.id,)
    progress = (await services.relay.last_progress(*running)).get(job.id)
    urls = await signed_urls(websocket, identity)
    watch.begin(job.events, progress)
    view = SnapshotView(
        job_id=job.id,
        sequence=job.events,
        job=JobView.of(job, [OutputView.of(output, urls) for output in outputs]),
        progress=progress.data if progress else None,
    )
    await send(websocket, view.model_dump_json())
    if after is not None:
        await send_past(websocket, job.id, identity.owner, range(after + 1, job.events + 1))
    return job.status


async def send_past(websocket: JobsWebSocket, job_id: int, owner: UUID | None, numbers: range) -> None:
    """Send those events of a job that have these numbers, as far as they are still there."""
    services = websocket.state.services
    found = await services.run(stream_queries.events_of, services.engine, job_id, owner, numbers.start - 1)
    for event in found[1] if found else ():
        if event.sequence in numbers:
            await send(websocket, text_of(event))


async def stream_jobs(websocket: JobsWebSocket, identity: Identity) -> Closing:
    query = read_query(websocket, WatchQuery)
    user_id = owner_asked_for(identity, query.user_id)
    if query.numbers is None:
        return await stream_all(websocket, identity, user_id, previews=query.previews)
    return await stream_some(websocket, identity, query.numbers, previews=query.previews)


async def stream_some(
    websocket: JobsWebSocket, identity: Identity, job_ids: Collection[int], *, previews: bool
) -> Closing:
    """Send the events of these jobs until all have ended."""
    relay = websocket.state.services.relay
    async with relay.watch_jobs(job_ids, holder_of(identity), previews=previews) as watch:
        statuses = await send_some(websocket, watch, identity.owner, job_ids)
        going = {job_id for job_id, status in statuses.items() if status not in FINAL}
        while going:
            event = await watch.next()
            if event.job_id in going:
                await send(websocket, text_of(event))
                if event.type.is_final:
                    going.remove(event.job_id)
    return ALL_ENDED if statuses else NO_SUCH_JOB


async def send_some(
    websocket: JobsWebSocket, watch: Watch, owner: UUID | None, job_ids: Collection[int]
) -> dict[int, JobStatus]:
    services = websocket.state.services
    rows = await services.run(stream_queries.some_jobs, services.engine, job_ids, owner)
    await send_snapshot(websocket, watch, rows, not_found=sorted(set(job_ids) - {row.id for row in rows}))
    return {row.id: row.status for row in rows}


async def stream_all(websocket: JobsWebSocket, identity: Identity, user_id: UUID | None, *, previews: bool) -> Closing:
    """Send the events of all jobs of a user (None: of everybody), future ones included, until the client leaves."""
    relay = websocket.state.services.relay
    async with relay.watch_user(user_id, holder_of(identity), previews=previews) as watch:
        running = await send_all(websocket, watch, user_id)
        if previews:
            relay.watchers.add_previews(watch, running)
        while True:
            await send(websocket, text_of(await watch.next()))


async def send_all(websocket: JobsWebSocket, watch: Watch, user_id: UUID | None) -> Sequence[int]:
    """Returns those of the jobs that run."""
    services = websocket.state.services
    since, rows = await services.run(stream_queries.live_jobs, services.engine, user_id, MOST_JOBS + 1)
    await send_snapshot(websocket, watch, rows[:MOST_JOBS], since=since, cut=len(rows) > MOST_JOBS)
    return [row.id for row in rows[:MOST_JOBS] if row.status in HELD]


async def send_snapshot(
    websocket: JobsWebSocket, watch: Watch, rows: Sequence[Row[Any]], since: datetime | None = None, **values: Any
) -> None:
    """Send the snapshot of several jobs, and let the watch go on from there."""
    running = [row.id for row in rows if row.status in HELD]
    progress = await websocket.state.services.relay.last_progress(*running)
    watch.start({row.id: position_at(row.events, progress.get(row.id)) for row in rows}, since)
    await send(websocket, JobsSnapshotView.of(rows, progress, **values).model_dump_json())


async def send(websocket: JobsWebSocket, text: str) -> None:
    async with asyncio.timeout(websocket.state.services.timings.send_timeout_s):
        await websocket.send_text(text)


ROUTES = [WebSocketRoute("/ws/jobs", watch_jobs), WebSocketRoute("/ws/jobs/{job_id}", watch_job)]
