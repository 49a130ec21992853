"""What clients may send: each body is a model, and what does not fit is refused by field."""

import json
from collections import Counter
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection, Request

from api_service.http.request_refusals import (
    body_too_deep,
    body_too_large,
    invalid_json,
    invalid_query,
    unsupported_media_type,
)
from api_service.http.server.lane import Lane
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import field_errors

JSON = "application/json"
LARGEST_BODY = 1024 * 1024
HEAVY_BODY = 64 * 1024  # bytes; what is larger has a lane of its own
DEEPEST_BODY = 200  # levels; the JSON parser refuses more
TOO_DEEP = "recursion limit exceeded"  # in the parser's message

Body = TypeVar("Body", bound=BaseModel)


async def read_json(request: Request[Any], model: type[Body], largest: int = LARGEST_BODY) -> Body:
    """The request's JSON body as a model. Raises Refusal: 415, 413, 400 for no JSON or too deep a one, 422 by field."""
    refuse_unless_json(request)
    return await parsed_in_its_lane(request, await content_of(request, largest), model)


async def read_optional_json(request: Request[Any], model: type[Body], largest: int = LARGEST_BODY) -> Body:
    """As `read_json`. Without a body, whatever its type is said to be, every field has its default."""
    content = await content_of(request, largest)
    if not content:
        return model()
    refuse_unless_json(request)
    return await parsed_in_its_lane(request, content, model)


def refuse_unless_json(request: Request[Any]) -> None:
    if media_type_of(request) != JSON:
        raise unsupported_media_type(request.headers.get("content-type", ""))


def media_type_of(request: Request[Any]) -> str:
    """What the body is said to be, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def parsed_in_its_lane(request: Request[Any], content: bytes, model: type[Body]) -> Body:
    """The body as a model; a large one is parsed beside the event loop, which serves everybody else meanwhile."""
    if len(content) <= HEAVY_BODY:
        return parsed(content, model)
    lane: Lane = request.state.heavy
    request.state.is_heavy = True
    return await lane.run(parsed, content, model)


def parsed(content: bytes, model: type[Body]) -> Body:
    try:
        body = model.model_validate_json(content)
    except ValidationError as error:
        first, *_ = found = field_errors(error)
        if first.code == "json_invalid":
            raise (body_too_deep(DEEPEST_BODY) if TOO_DEEP in first.message else invalid_json(first.message)) from None
        raise invalid_fields(found) from None
    json.loads(content, object_pairs_hook=each_key_once)
    return body


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises Refusal: invalid_json, for a key that is given twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise invalid_json(f"the key {twice!r} is given twice in one object")
    return found


async def content_of(request: Request[Any], largest: int) -> bytes:
    """The whole body. Raises Refusal: body_too_large, as soon as it is."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > largest:
            raise body_too_large(largest)
    return bytes(content)


def read_query(request: HTTPConnection[Any], model: type[Body]) -> Body:
    """The query parameters as a model; a repeated one is a list. Raises Refusal: invalid_query."""
    values: dict[str, Any] = {}
    for name in request.query_params:
        given = request.query_params.getlist(name)
        values[name] = given if len(given) > 1 or takes_several(model, name) else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid_query(field_errors(error)) from None


def takes_several(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) in {list, tuple, set, frozenset}
