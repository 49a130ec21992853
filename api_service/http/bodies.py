"""What clients may send: each body is a model, and what does not fit is refused by field."""

import json
from collections import Counter
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from starlette.requests import HTTPConnection

from api_service.http.depth import deeper_than
from api_service.refusals.problems import (
    FieldError,
    body_too_deep,
    body_too_large,
    invalid_fields,
    invalid_json,
    invalid_query,
    unsupported_media_type,
)
from api_service.services import JobsRequest

LARGEST_BODY = 1024 * 1024
DEEPEST_BODY = 64

# How pydantic calls the two forms of a job in the path of an error. Clients know no such names.
TYPED, RAW = "(typed)", "(raw)"

Body = TypeVar("Body", bound=BaseModel)


async def read_body(request: JobsRequest, model: type[Body], largest: int = LARGEST_BODY) -> Body:
    """The request's JSON body as a model. Raises Problem: 415, 413, 400 for no JSON or too deep a one, 422 by field."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise unsupported_media_type(content_type)
    content = await content_of(request, largest)
    if deeper_than(content, DEEPEST_BODY):
        raise body_too_deep(DEEPEST_BODY)
    try:
        body = model.model_validate_json(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise invalid_json(str(found[0]["msg"])) from None
        raise invalid_fields([field_error(one) for one in found]) from None
    json.loads(content, object_pairs_hook=each_key_once)
    return body


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises Problem 400 for a key that is given twice: nobody can know which of them is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise invalid_json(f"the key {twice!r} is given twice in one object")
    return found


async def content_of(request: JobsRequest, largest: int) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is more than anybody needs."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > largest:
            raise body_too_large(largest)
    return bytes(content)


def read_query(request: HTTPConnection[Any], model: type[Body]) -> Body:
    """The query parameters as a model; one that may be given several times has a list. Raises Problem 422."""
    values: dict[str, Any] = {}
    for name in request.query_params:
        given = request.query_params.getlist(name)
        values[name] = given if len(given) > 1 or takes_several(model, name) else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_query([field_error(one) for one in found]) from None


def takes_several(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and get_origin(field.annotation) in {list, tuple, set, frozenset}


def field_error(found: Any) -> FieldError:
    """pydantic's account of one error, with the field's path as a client would write it: `lora_models[0].name`."""
    path, loc = "", list(found["loc"])
    if tag := next((part for part in loc if part in {TYPED, RAW}), None):
        loc.remove(tag)
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return FieldError(
        field=path or "body", message=str(found["msg"]).removeprefix("Value error, "), code=str(found["type"])
    )
