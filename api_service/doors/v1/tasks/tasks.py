"""Tasks that are there: listed, shown, cancelled, deleted, and their files."""

import hashlib
from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, by_key_or_url, signed_urls
from api_service.doors.v1.tasks.bodies import TasksQuery, task_id_in
from api_service.doors.v1.tasks.views import TASKS, TaskPage, TaskView
from api_service.doors.v1.tasks.waiting import ended_task_within
from api_service.doors.waiting import asked_wait_s, preference_applied
from api_service.http.answers import answer_with
from api_service.http.downloads import FILE_ANSWERS, RANGED, StoredFile, send_file
from api_service.http.entity_tags import has_it
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.http.request_refusals import RequestCode
from api_service.http.signed_urls import FileQuery
from api_service.jobs.cursors import digest_of
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.codes import Code
from api_service.tasks.task_queries import (
    TASK_CURSORS,
    TaskFilters,
    cancel_task,
    delete_task,
    find_file,
    page_of_tasks,
)
from shared.models import Scope, TaskState


async def list_tasks(request: ApiRequest[Nothing, TasksQuery]) -> TaskPage:
    """List tasks, the newest first.

    `kind` and `state` may be given several times, for any of them.
    """
    query, services = request.query, request.services
    kinds, states = sorted(set(query.kind)), sorted(set(query.state))
    filters = TaskFilters(owner_asked_for(request.identity, query.user_id), kinds, states)
    digest = digest_of(f"tasks {filters}")
    after = TASK_CURSORS.after(query.cursor, digest)
    found = await services.read(page_of_tasks, filters, after, query.limit + 1)
    shown, cursor = TASK_CURSORS.page(found, query.limit, digest)
    urls = await signed_urls(request.http, request.identity)
    items = [TaskView.of(task, urls) for task in shown]
    return TaskPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def show(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Show a task as it is now.

    The ETag of an answer, sent back in `If-None-Match`, asks for the task only if it has changed since.
    """
    wait_s = asked_wait_s(request.http)
    task = await ended_task_within(request, task_id_in(request.path), wait_s or 0)
    view = TaskView.of(task, await signed_urls(request.http, request.identity))
    tag = f'"{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", **preference_applied(wait_s)}
    if has_it(request.http, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return answer_with(view, HTTPStatus.OK, **headers)


async def cancel(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Cancel a task.

    What it has done stays done, and `result` says what that was. One that a worker is at is cancelled after its page.
    """
    services, task_id = request.services, task_id_in(request.path)
    task = await services.run(cancel_task, services.messenger, task_id, request.identity.owner)
    done = task.state is TaskState.CANCELLED
    view = TaskView.of(task, await signed_urls(request.http, request.identity))
    return answer_with(view, HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Delete a task that has ended, with its file."""
    services, task_id = request.services, task_id_in(request.path)
    await services.run(delete_task, services.messenger, services.store, task_id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def file(request: ApiRequest[Nothing, FileQuery]) -> Response:
    """Download what a task has made: its bytes, or a range of them.

    The URL that a task shows is signed, and needs no key.
    """
    services, task_id = request.services, task_id_in(request.path)
    made = await services.run(find_file, services.engine, task_id, request.identity.owner)
    stored = StoredFile(made["path"], made["media_type"], made["filename"], tag=made["sha256"])
    return await services.run(send_file, request.http, services.store, stored)


ONE = f"{TASKS}/{{task_id}}"
NOT_FOUND = (Code.TASK_NOT_FOUND,)
SHOWN = {
    "ETag": "differs wherever the task does, or its URL ends later",
    "Preference-Applied": "how long the answer waited at most",
}

OPERATIONS = (
    Operation(
        "listTasks",
        "GET",
        TASKS,
        list_tasks,
        Scope.READ,
        {HTTPStatus.OK: Answer(TaskPage, "a page of tasks, possibly empty")},
        tag="tasks",
        query=TasksQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
    Operation(
        "showTask",
        "GET",
        ONE,
        show,
        Scope.READ,
        {
            HTTPStatus.OK: Answer(TaskView, "the task", headers=SHOWN),
            HTTPStatus.NOT_MODIFIED: Answer(None, "the task has not changed", (), SHOWN),
        },
        tag="tasks",
        problems=NOT_FOUND,
        request_headers={
            "If-None-Match": "an ETag: 304 if the task is still as it was then",
            "Prefer": "`wait=N`: answer once the task has ended, or after N seconds (60 at most)",
        },
    ),
    Operation(
        "cancelTask",
        "POST",
        f"{ONE}/cancel",
        cancel,
        Scope.WRITE,
        {
            HTTPStatus.OK: Answer(TaskView, "the task is cancelled"),
            HTTPStatus.ACCEPTED: Answer(TaskView, "the task is cancelled once its worker has heard of it"),
        },
        tag="tasks",
        problems=(Code.TASK_NOT_FOUND, Code.TASK_ENDED),
    ),
    Operation(
        "deleteTask",
        "DELETE",
        ONE,
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the task is gone", media_types=())},
        tag="tasks",
        problems=(Code.TASK_NOT_FOUND, Code.TASK_NOT_ENDED),
    ),
    Operation(
        "downloadTaskFile",
        "GET",
        f"{ONE}/file",
        file,
        Scope.READ,
        FILE_ANSWERS,
        tag="tasks",
        query=FileQuery,
        identify=by_key_or_url,
        problems=(
            Code.TASK_NOT_FOUND,
            Code.TASK_HAS_NO_FILE,
            Code.OUTPUT_GONE,
            Code.STORAGE_UNAVAILABLE,
            RequestCode.RANGE_NOT_SATISFIABLE,
        ),
        request_headers=RANGED,
    ),
)
