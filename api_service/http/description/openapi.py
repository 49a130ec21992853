"""The OpenAPI document, made from operations and models."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api_service.http.bodies import read_optional_json
from api_service.http.description.refusals import PROBLEMS, Refusals
from api_service.http.operations import Access, Answer, Nothing, Operation
from shared.models import Scope
from shared.texts.storable import LARGEST_ID
from shared.version import VERSION

SCHEMAS = "#/components/schemas/"
PATH_PARAMETER = re.compile(r"{(\w+)(?::path)?}")
NUMBERS = {"job_id", "number"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
TEXT = {"type": "string"}
PATH_EXAMPLES = {
    "job_id": 1,
    "number": 0,
    "kind": "checkpoints",
    "node_class": "KSampler",
    "model": "random_sd15.safetensors",
    **dict.fromkeys(("asset_id", "webhook_id", "delivery_id", "task_id"), "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b"),
}
NEEDS: dict[Scope | Access, str] = {Access.NO_KEY: "Needs no key.", Access.ANY_KEY: "Any key will do."}
HEADERS_OF_ALL = {"X-Request-Id": "the id that the request came with, or was given; the logs have it too"}


class About(NamedTuple):
    """What a document says of its API as a whole, and of its keys: what to paste, and where to get one."""

    title: str
    description: str
    keys: str
    header: str | None = None  # another one than Authorization that may carry the key


Operations = Sequence[Operation[Any, Any, Any]]
Examples = Mapping[type[BaseModel], Mapping[str, Any]]
Refs = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


class Known(NamedTuple):
    """What the parts of a document are made of, beside operations."""

    refs: Refs
    examples: Examples
    refusals: Refusals


def document_of(
    operations: Operations, about: About, examples: Examples, refusals: Refusals = PROBLEMS
) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these operations, as JSON can hold it."""
    schemas, refs = schemas_of(operations, refusals)
    known = Known(refs, examples, refusals)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in operations:
        paths[PATH_PARAMETER.sub(r"{\1}", operation.path)][operation.method.lower()] = described(operation, known)
    schemes = schemes_of(about)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": VERSION,
            "description": about.description,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in schemes],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": dict(paths),
        "components": {"schemas": schemas, "securitySchemes": schemes},
    }


def schemes_of(about: About) -> dict[str, Any]:
    """Each way to send a key."""
    form = {"type": "http", "scheme": "bearer", "bearerFormat": "gn_<id>_<secret>", "description": about.keys}
    if about.header is None:
        return {"key": form}
    return {"key": form, "header": {"type": "apiKey", "in": "header", "name": about.header}}


def schemas_of(operations: Operations, refusals: Refusals) -> tuple[dict[str, Any], Refs]:
    """The schemas of all models, and where each is: as it is parsed, or as it is answered."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(refusals.model, "serialization")]
    for operation in operations:
        wanted += [(model, "validation") for model in (operation.body, operation.query, operation.form) if model]
        wanted += [(answer.model, "serialization") for answer in operation.answers.values() if answer.model]
    refs, made = models_json_schema(list(dict.fromkeys(wanted)), ref_template=SCHEMAS + "{model}")
    return made.get("$defs", {}), refs


def described(operation: Operation[Any, Any, Any], known: Known) -> dict[str, Any]:
    summary, _, description = (operation.endpoint.__doc__ or operation.name).partition("\n")
    needs = NEEDS.get(operation.scope) or f"Needs a key with the scope `{operation.scope}`."
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, [unwrapped(description), needs])),
        "tags": [operation.tag],
        "parameters": [*path_parameters(operation), *query_parameters(operation), *header_parameters(operation)],
        "responses": responses(operation, known),
    }
    if operation.scope is Access.NO_KEY:
        made["security"] = []
    if content := body_content(operation, known):
        made["requestBody"] = {"required": operation.read is not read_optional_json, "content": content}
    return made


def body_content(operation: Operation[Any, Any, Any], known: Known) -> dict[str, Any]:
    """The media types that a body may have, each with its schema."""
    content: dict[str, Any] = {}
    if operation.form is not None:
        content["multipart/form-data"] = {"schema": known.refs[operation.form, "validation"]}
    if operation.body is not Nothing:
        examples_of_body = examples_of(operation.body, known)
        content["application/json"] = {"schema": known.refs[operation.body, "validation"], **examples_of_body}
    return content


def unwrapped(text: str) -> str:
    """A docstring's paragraphs, each on one line."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def path_parameters(operation: Operation[Any, Any, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": NUMBER if name in NUMBERS else TEXT,
            "example": PATH_EXAMPLES.get(name, name),
        }
        for name in PATH_PARAMETER.findall(operation.path)
    ]


def query_parameters(operation: Operation[Any, Any, Any]) -> list[dict[str, Any]]:
    """Each property of the query's model, with what it refers to in its place."""
    schema = operation.query.model_json_schema(ref_template=SCHEMAS + "{model}")
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": described_as.get("description", ""),
            "schema": inlined({key: value for key, value in described_as.items() if key != "description"}, schema),
        }
        for name, described_as in schema.get("properties", {}).items()
    ]


def inlined(schema: Any, whole: Mapping[str, Any]) -> Any:
    match schema:
        case {"$ref": str() as ref}:
            return inlined(whole["$defs"][ref.removeprefix(SCHEMAS)], whole)
        case dict():
            return {key: inlined(value, whole) for key, value in schema.items()}
        case list():
            return [inlined(value, whole) for value in schema]
        case _:
            return schema


def header_parameters(operation: Operation[Any, Any, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in operation.request_headers.items()
    ]


def responses(operation: Operation[Any, Any, Any], known: Known) -> dict[str, Any]:
    """What it answers, and each refusal by its status."""
    made = {str(int(status)): response(answer, known) for status, answer in operation.answers.items()}
    refusals = known.refusals
    codes: list[StrEnum] = [*operation.problems, *refusals.of_all]
    codes += refusals.of_keys if operation.scope is not Access.NO_KEY else ()
    codes += refusals.of_bodies if operation.body is not Nothing else ()
    by_status: dict[HTTPStatus, list[StrEnum]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[refusals.status(code)].append(code)
    for status, found in sorted(by_status.items()):
        made[str(int(status))] = refusal(found, known)
    return made


def response(answer: Answer, known: Known) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.description, "headers": headers({**HEADERS_OF_ALL, **answer.headers})}
    for media_type in answer.media_types:
        content = (
            {"schema": known.refs[answer.model, "serialization"], **examples_of(answer.model, known)}
            if answer.model
            else {}
        )
        made.setdefault("content", {})[media_type] = content
    return made


def refusal(codes: Sequence[StrEnum], known: Known) -> dict[str, Any]:
    refusals = known.refusals
    return {
        "description": "; or ".join(dict.fromkeys(map(refusals.text, codes))),
        "headers": headers(HEADERS_OF_ALL),
        "content": {
            refusals.media_type: {
                "schema": known.refs[refusals.model, "serialization"],
                "examples": {str(code): {"value": refusals.example(code)} for code in codes},
            }
        },
    }


def headers(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}


def examples_of(model: type[BaseModel], known: Known) -> dict[str, Any]:
    return {"examples": {name: {"value": value} for name, value in known.examples.get(model, {}).items()}}
