"""The history as one client sees it: its own prompts that have ended. To delete one hides it; its job stays."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.responses import Response

from api_service.doors.native.asking.errors import output_nodes
from api_service.doors.native.asking.names import ids_in
from api_service.doors.native.asking.operations import AnyBody, AnyQuery, NativeRequest, operation
from api_service.doors.native.views.outputs import texts_of
from api_service.doors.native.views.prompts import in_history
from api_service.http.answers import Json
from api_service.http.entity_tags import has_it
from api_service.http.path_ids import uuid_in
from api_service.http.shared_answers.kept_bodies import KeptBody
from api_service.prompts.prompt_queries import Prompt, ended_ids, hide, prompts_with
from shared.models import Scope

USUAL, MOST = 200, 1000  # prompts of a page
AT_ONCE = 20  # that are read together
LARGEST_PAGE = 16 * 1024 * 1024  # bytes; older ones than fit are left out
FURTHEST = 2**31

FindPrompts = Callable[[UUID, Sequence[int]], Sequence[Prompt]]


class HistoryQuery(AnyQuery):
    max_items: int = USUAL
    offset: int = -1
    prompt_id: str | None = None


class HistoryBody(AnyBody):
    delete: Any = None
    clear: bool = False


async def show_history(request: NativeRequest) -> Response:
    """The caller's prompts that have ended, the newest 200 unless it says how many; or the one it names."""
    services, query, user_id = request.services, request.query, request.identity.user_id
    if query.prompt_id is not None:
        return await entry(request, query.prompt_id)
    limit, offset = min(max(query.max_items, 0), MOST), None if query.offset < 0 else min(query.offset, FURTHEST)
    ids = tuple(await services.read(ended_ids, user_id, limit, offset)) if limit else ()
    name = (user_id, limit, offset)
    body = services.histories.find(name, ids)
    if body is None:

        def find(user_id: UUID, ids: Sequence[int]) -> Sequence[Prompt]:
            return services.reads.read(prompts_with, user_id, ids)

        content = await services.run(page_of, services, find, user_id, ids)
        body = KeptBody(ids, content, f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"')
        services.histories.keep(name, body)
    headers = {"ETag": body.tag, "Cache-Control": "private, no-cache"}
    if has_it(request.http, body.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body.content, headers=headers, media_type="application/json")


def page_of(services: Any, find: FindPrompts, user_id: UUID, ids: Sequence[int]) -> bytes:
    """These prompts as one object, the oldest first: read from the newest on, as many as fit. Blocks."""
    capabilities = services.capabilities.current()
    found: list[bytes] = []
    size = 0
    for end in range(len(ids), 0, -AT_ONCE):
        prompts = find(user_id, ids[max(0, end - AT_ONCE) : end])
        for prompt in reversed(prompts):
            ends = output_nodes(prompt.job.workflow or {}, capabilities)
            shown = in_history(prompt, texts_of(services.store, prompt.outputs), ends)
            text = f"{json.dumps(prompt.id)}: {json.dumps(shown)}".encode()
            size += len(text)
            if found and size > LARGEST_PAGE:
                return b"{" + b", ".join(reversed(found)) + b"}"
            found.append(text)
    return b"{" + b", ".join(reversed(found)) + b"}"


async def show_one(request: NativeRequest) -> Response:
    """A prompt that has ended; nothing for one that has not, or is not the caller's."""
    return await entry(request, request.path["prompt_id"])


async def entry(request: NativeRequest, given: str) -> Response:
    services, user_id, prompt_id = request.services, request.identity.user_id, uuid_in(given)
    if prompt_id is None:
        return Json({})
    job_id = await services.ended_prompts.answer((user_id, prompt_id))
    if job_id is None:
        return Json({})
    name = (user_id, job_id)
    body = services.histories.find(name, job_id)
    if body is None:
        find = partial(prompts_with, services.engine)  # it has just ended, as a rule: no replica is waited for
        body = KeptBody(job_id, await services.run(page_of, services, find, user_id, (job_id,)), "")
        services.histories.keep(name, body)
    return Response(body.content, media_type="application/json")


async def change_history(request: NativeRequest) -> Response:
    """Show these prompts no more, or none of those that have ended. No job is deleted by that."""
    services, body, user_id = request.services, request.body, request.identity.user_id
    if body.clear:
        await services.run(hide, services.engine, user_id, None)
    if ids := ids_in(body.delete):
        await services.run(hide, services.engine, user_id, ids)
    return Response()


OPERATIONS = (
    operation("GET", "/history", show_history, Scope.READ, query=HistoryQuery),
    operation("POST", "/history", change_history, Scope.WRITE, body=HistoryBody),
    operation("GET", "/history/{prompt_id}", show_one, Scope.READ),
)
