"""`Prefer: wait=N` holds the answer about a task back until it has ended."""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from api_service.doors.binding import ApiRequest
from api_service.doors.waiting import while_awaited
from api_service.refusals.refusal import Refusal
from api_service.streams.watch import Holder, StreamEnded
from api_service.tasks.task_queries import find_task
from shared.models import Task

LEAST_S = 0.1  # between two looks, however often the bell rings


async def ended_task_within(request: ApiRequest[Any, Any], task_id: UUID, wait_s: float) -> Task:
    """The task once it has ended; or as it is after that time, or when the client has hung up, its key has ended, or
    this server stops. Raises Refusal, SQLAlchemyError."""
    services, identity = request.services, request.identity
    look = partial(find_task, services.engine, task_id, identity.owner)
    task = await services.run(look)
    if task.state.is_final or not wait_s:
        return task
    holder = Holder(identity.key_id, user_id=identity.user_id)
    async with while_awaited(request.http, wait_s), services.relay.task_bell(task.user_id, holder) as bell:
        with suppress(StreamEnded, Refusal, SQLAlchemyError):  # the look after this one says what is wrong
            while not (task := await services.run(look)).state.is_final:
                await bell.rings_after(LEAST_S, services.timings.catch_up_s)
    return task if task.state.is_final else await services.run(look)
