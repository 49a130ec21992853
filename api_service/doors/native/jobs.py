"""Prompts as newer clients of ComfyUI list and cancel them: `/jobs`."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from api_service.doors.native.asking.names import ids_in, text_or_none
from api_service.doors.native.asking.operations import AnyBody, AnyQuery, NativeRequest, operation
from api_service.doors.native.views.jobs import ALL, in_full, listed
from api_service.doors.native.views.outputs import texts_of
from api_service.http.answers import Json
from api_service.http.path_ids import uuid_in
from api_service.prompts.job_pages import JobsAsked, jobs_page
from api_service.prompts.prompt_queries import find_prompt
from api_service.prompts.withdrawing import cancel
from shared.models import Scope

NOT_FOUND = {"error": "Job not found"}
MOST = 500  # on one page
MOST_CANCELLED = 200  # by one request


class JobsQuery(AnyQuery):
    status: str | None = None
    workflow_id: str | None = None
    sort_by: str = "created_at"
    sort_order: str = "desc"
    limit: str | None = None
    offset: str = "0"


class CancelBody(AnyBody):
    job_ids: Any = None


def wrong(sentence: str) -> Response:
    response = Json({"error": sentence})
    response.status_code = HTTPStatus.BAD_REQUEST
    return response


async def list_jobs(request: NativeRequest) -> Response:
    """A page of the caller's prompts."""
    services, asked = request.services, asked_by(request.query)
    if isinstance(asked, str):
        return wrong(asked)
    prompts, total = await services.read(jobs_page, request.identity.user_id, asked)
    limit = asked.limit if request.query.limit is not None else None
    more = asked.offset + len(prompts) < total
    page = {"offset": asked.offset, "limit": limit, "total": total, "has_more": more}
    return Json({"jobs": [listed(prompt) for prompt in prompts], "pagination": page})


def asked_by(query: JobsQuery) -> JobsAsked | str:
    """What is asked for; or a sentence that says what is wrong with it."""
    words = [word.strip().lower() for word in (query.status or "").split(",") if word.strip()]
    if unknown := [word for word in words if word not in ALL]:
        return f"Invalid status value(s): {', '.join(unknown)[:200]}. Valid values: {', '.join(ALL)}"
    if query.sort_by not in {"created_at", "execution_duration"}:
        return "sort_by must be 'created_at' or 'execution_duration'"
    if query.sort_order not in {"asc", "desc"}:
        return "sort_order must be 'asc' or 'desc'"
    limit, offset = number_in(query.limit or str(MOST)), number_in(query.offset)
    if limit is None or offset is None:
        return f"{'limit' if limit is None else 'offset'} must be an integer"
    if limit < 1:
        return "limit must be a positive integer"
    return JobsAsked(
        statuses=tuple(words),
        workflow_id=query.workflow_id,
        by_duration=query.sort_by == "execution_duration",
        ascending=query.sort_order == "asc",
        limit=min(limit, MOST),
        offset=max(offset, 0),
    )


def number_in(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= 9 else None


async def show_job(request: NativeRequest) -> Response:
    """One prompt in full."""
    services, prompt_id = request.services, uuid_in(request.path["prompt_id"])
    user_id = request.identity.user_id
    prompt = None
    if prompt_id is not None:
        prompt = await services.run(find_prompt, services.engine, user_id, prompt_id=prompt_id)
    if prompt is None:
        response = Json(NOT_FOUND)
        response.status_code = HTTPStatus.NOT_FOUND
        return response
    return Json(in_full(prompt, await services.run(texts_of, services.store, prompt.outputs)))


async def cancel_job(request: NativeRequest) -> Response:
    """Cancel one prompt, whether it waits or runs. Always 200: `cancelled` says whether that changed anything."""
    return await cancelled(request, [request.path["prompt_id"]])


async def cancel_jobs(request: NativeRequest) -> Response:
    """Cancel several prompts."""
    given = request.body.job_ids
    if not isinstance(given, list) or not all(map(text_or_none, given)) or not 0 < len(given) <= MOST_CANCELLED:
        return wrong(f"job_ids must be a list of 1 to {MOST_CANCELLED} job ids")
    return await cancelled(request, given)


async def cancelled(request: NativeRequest, given: Sequence[str]) -> Response:
    services, ids = request.services, ids_in(given)
    changed = bool(ids) and await services.run(cancel, services.messenger, request.identity.user_id, ids)
    return Json({"cancelled": changed})


OPERATIONS = (
    operation("GET", "/jobs", list_jobs, Scope.READ, query=JobsQuery),
    operation("GET", "/jobs/{prompt_id}", show_job, Scope.READ),
    operation("POST", "/jobs/cancel", cancel_jobs, Scope.WRITE, body=CancelBody),
    operation("POST", "/jobs/{prompt_id}/cancel", cancel_job, Scope.WRITE),
)
