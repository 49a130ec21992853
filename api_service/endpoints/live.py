"""A job, as it goes: a snapshot first, then each event once, then a close that says how it ended."""

import contextlib
from uuid import UUID

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from api_service import records
from api_service.problems import Problem
from api_service.rate_limit import count_request
from api_service.state import JobsWebSocket, Services
from api_service.tickets import identify_stream
from api_service.views import JobView, SnapshotView
from api_service.watch import TooSlow, Watch
from shared.links import number_in
from shared.models import FINAL, Scope

log = structlog.get_logger(__name__)

ENDED = 1000
CLOSED = 4000  # and the status that a request would be refused with
FORBIDDEN = 4403
NO_SUCH_JOB = 4404
TOO_SLOW = 4408
TRY_AGAIN = 1013
SEND_S = 10.0  # a watcher that takes longer to take one event is too slow


async def watch_job(websocket: JobsWebSocket) -> None:
    """`/ws/jobs/{job_id}`; with `?previews=true` the sampler's previews come along."""
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stop_when_hung_up, websocket, tasks.cancel_scope)
        code, reason = await tell(websocket)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(code, reason)
        tasks.cancel_scope.cancel()


async def stop_when_hung_up(websocket: JobsWebSocket, scope: anyio.CancelScope) -> None:
    """Stop telling once the client has gone. What it says meanwhile is not for us."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


async def tell(websocket: JobsWebSocket) -> tuple[int, str]:
    """Tell the watcher everything until the job ends. Returns the code and the reason to close with."""
    services = websocket.state.services
    job_id = number_in(websocket.path_params["job_id"])
    previews = websocket.query_params.get("previews", "") in {"1", "true"}
    try:
        identity = await identify_stream(services, websocket.headers, websocket.query_params)
        await count_request(services, identity)
        if not identity.may(Scope.READ):
            return FORBIDDEN, f"this needs a key with the scope {Scope.READ}"
        if job_id is None:
            return NO_SUCH_JOB, "there is no such job"
        async with services.relay.watch(job_id, previews=previews) as watch:
            snapshot = await take_snapshot(services, watch, identity.owner)
            if snapshot is None:
                return NO_SUCH_JOB, "there is no such job"
            await send(websocket, snapshot.model_dump_json())
            if snapshot.job.status in FINAL:
                return ENDED, snapshot.job.status
            while True:
                event = await watch.next()
                await send(websocket, event.model_dump_json(exclude_none=True))
                if event.type.is_final:
                    return ENDED, event.type
    except Problem as problem:
        return CLOSED + problem.status, problem.detail
    except (TooSlow, TimeoutError):
        return TOO_SLOW, "the events were not read fast enough"
    except SQLAlchemyError as error:
        log.warning("live.no_snapshot", job_id=job_id, error=str(error))
        return TRY_AGAIN, "the database cannot be reached right now"


async def take_snapshot(services: Services, watch: Watch, owner: UUID | None) -> SnapshotView | None:
    found = await services.run(records.job_with_outputs, services.engine, watch.job_id, owner)
    if found is None:
        return None
    job, outputs = found
    progress = None if job.status in FINAL else await services.relay.last_progress(watch.job_id)
    watch.begin(job.events, progress)
    return SnapshotView(
        job_id=job.id,
        sequence=job.events,
        job=JobView.of(job, outputs),
        progress=progress.data if progress else None,
    )


async def send(websocket: JobsWebSocket, text: str) -> None:
    with anyio.fail_after(SEND_S):
        await websocket.send_text(text)


ROUTES = [WebSocketRoute("/ws/jobs/{job_id}", watch_job)]
