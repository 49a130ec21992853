"""What clients may send: each body is a model, and what does not fit is refused by field."""

from typing import Any, Self, TypeVar, get_origin

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from api_service.depth import deeper_than
from api_service.problems import (
    FieldError,
    body_too_deep,
    body_too_large,
    invalid_fields,
    invalid_json,
    invalid_query,
    unsupported_media_type,
)
from api_service.state import JobsRequest
from shared.parameters import Sampling, TextToImage

LARGEST_BODY = 1024 * 1024
DEEPEST_BODY = 64

Body = TypeVar("Body", bound=BaseModel)


class JobBody(TextToImage):
    """A job to run: a picture from words.

    `sampler_params` and `params` are one thing under two names: the sampler's settings may stand in either, the
    others in `params`. The same setting in both must have the same value.
    """

    sampler_params: Sampling = Sampling()

    @model_validator(mode="after")
    def says_each_thing_once(self) -> Self:
        for name in sorted(self.sampler_params.model_fields_set & self.params.model_fields_set):
            if getattr(self.sampler_params, name) != getattr(self.params, name):
                raise PydanticCustomError(
                    "given_twice", "`{name}` is given in sampler_params and in params, differently", {"name": name}
                )
        return self

    def parameters(self) -> TextToImage:
        """The parameters meant, with a seed drawn if none was given."""
        sampling = self.sampler_params.model_dump(exclude_unset=True)
        values = {name: getattr(self, name) for name in TextToImage.model_fields}
        return TextToImage(**(values | {"params": self.params.model_copy(update=sampling).with_seed()}))


async def read_body(request: JobsRequest, model: type[Body]) -> Body:
    """The request's JSON body as a model. Raises Problem: 415, 413, 400 for no JSON or too deep a one, 422 by field."""
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise unsupported_media_type(content_type)
    content = await content_of(request)
    if deeper_than(content, DEEPEST_BODY):
        raise body_too_deep(DEEPEST_BODY)
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise invalid_json(error) from None
        raise invalid_fields([field_error(one) for one in found]) from None


async def content_of(request: JobsRequest) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is more than anybody needs."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > LARGEST_BODY:
            raise body_too_large(LARGEST_BODY)
    return bytes(content)


def read_query(request: JobsRequest, model: type[Body]) -> Body:
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
    path = ""
    for part in found["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return FieldError(
        field=path or "body", message=str(found["msg"]).removeprefix("Value error, "), code=str(found["type"])
    )
