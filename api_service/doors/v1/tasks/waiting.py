"""`Prefer: wait=N` holds the answer about a task back until it has ended."""

from typing import Any
from uuid import UUID

import anyio

from api_service.doors.binding import ApiRequest
from api_service.http.server.hang_up import stop_when_hung_up
from api_service.tasks.task_queries import find_task
from shared.models import Task

LOOK_S = 0.5


async def ended_task_within(request: ApiRequest[Any, Any], task_id: UUID, wait_s: float) -> Task:
    """The task once it has ended; or as it is after that time, or when the client has hung up. Raises Refusal."""
    services, owner = request.services, request.identity.owner
    task = await services.run(find_task, services.engine, task_id, owner)
    if task.state.is_final or not wait_s:
        return task
    with anyio.move_on_after(wait_s) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop_when_hung_up, request.http.receive, scope)
            while not task.state.is_final:
                await anyio.sleep(LOOK_S)
                task = await services.run(find_task, services.engine, task_id, owner)
            scope.cancel()
    return task
