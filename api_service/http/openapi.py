"""The OpenAPI document, made from operations and models."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api_service.http.bodies import read_optional_json
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.http.problems import STATUSES, TEXTS, ProblemBody, problem_example
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code
from shared.jobs.urls import LARGEST_ID
from shared.models import Scope

VERSION = "1.0.0"
SCHEMAS = "#/components/schemas/"
PATH_PARAMETER = re.compile(r"{(\w+)}")
NUMBERS = {"job_id", "number"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}
TEXT = {"type": "string"}
PATH_EXAMPLES = {
    "job_id": 1,
    "number": 0,
    "kind": "checkpoints",
    "node_class": "KSampler",
    "asset_id": "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b",
}
PROBLEMS_OF_ALL = (RequestCode.INVALID_QUERY, Code.INTERNAL_ERROR)
PROBLEMS_OF_KEYS = (Code.UNAUTHENTICATED, Code.FORBIDDEN, Code.RATE_LIMITED, Code.DATABASE_UNAVAILABLE)
NEEDS: dict[Scope | Access, str] = {Access.NO_KEY: "Needs no key.", Access.ANY_KEY: "Any key will do."}
PROBLEMS_OF_BODIES = (
    RequestCode.INVALID_JSON,
    RequestCode.BODY_TOO_DEEP,
    RequestCode.BODY_TOO_LARGE,
    RequestCode.UNSUPPORTED_MEDIA_TYPE,
    Code.INVALID_FIELDS,
)
HEADERS_OF_ALL = {"X-Request-Id": "the id that the request came with, or was given; the logs have it too"}


class About(NamedTuple):
    """What a document says of its API as a whole, and of its keys: what to paste, and where to get one."""

    title: str
    description: str
    keys: str


Operations = Sequence[Operation[Any, Any, Any]]
Examples = Mapping[type[BaseModel], Mapping[str, Any]]
Refs = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


def document_of(operations: Operations, about: About, examples: Examples) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these operations, as JSON can hold it."""
    schemas, refs = schemas_of(operations)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = described(operation, refs, examples)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": about.title,
            "version": VERSION,
            "description": about.description,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": dict(paths),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "gn_<id>_<secret>",
                    "description": about.keys,
                },
            },
        },
    }


def schemas_of(operations: Iterable[Operation[Any, Any, Any]]) -> tuple[dict[str, Any], Refs]:
    """The schemas of all models, and where each is: as it is parsed, or as it is answered."""
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemBody, "serialization")]
    for operation in operations:
        wanted += [(model, "validation") for model in (operation.body, operation.query, operation.form) if model]
        wanted += [(answer.model, "serialization") for answer in operation.answers.values() if answer.model]
    refs, made = models_json_schema(list(dict.fromkeys(wanted)), ref_template=SCHEMAS + "{model}")
    return made.get("$defs", {}), refs


def described(operation: Operation[Any, Any, Any], refs: Refs, examples: Examples) -> dict[str, Any]:
    summary, _, description = (operation.endpoint.__doc__ or operation.name).partition("\n")
    needs = NEEDS.get(operation.scope) or f"Needs a key with the scope `{operation.scope}`."
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, [unwrapped(description), needs])),
        "tags": [operation.tag],
        "parameters": [*path_parameters(operation), *query_parameters(operation), *header_parameters(operation)],
        "responses": responses(operation, refs, examples),
    }
    if operation.scope is Access.NO_KEY:
        made["security"] = []
    if operation.form is not None:
        form = {"schema": refs[operation.form, "validation"]}
        made["requestBody"] = {"required": True, "content": {"multipart/form-data": form}}
    if operation.body is not Nothing:
        content = {"schema": refs[operation.body, "validation"], **examples_of(operation.body, examples)}
        made["requestBody"] = {
            "required": operation.read is not read_optional_json,
            "content": {"application/json": content},
        }
    return made


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


def responses(operation: Operation[Any, Any, Any], refs: Refs, examples: Examples) -> dict[str, Any]:
    """What it answers, and each refusal by its status."""
    made = {str(int(status)): response(answer, refs, examples) for status, answer in operation.answers.items()}
    codes: list[StrEnum] = [*operation.problems, *PROBLEMS_OF_ALL]
    codes += PROBLEMS_OF_KEYS if operation.scope is not Access.NO_KEY else ()
    codes += PROBLEMS_OF_BODIES if operation.body is not Nothing else ()
    by_status: dict[HTTPStatus, list[StrEnum]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[STATUSES[code]].append(code)
    for status, found in sorted(by_status.items()):
        made[str(int(status))] = refusal(found, refs)
    return made


def response(answer: Answer, refs: Refs, examples: Examples) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.description, "headers": headers({**HEADERS_OF_ALL, **answer.headers})}
    for media_type in answer.media_types:
        content = (
            {"schema": refs[answer.model, "serialization"], **examples_of(answer.model, examples)}
            if answer.model
            else {}
        )
        made.setdefault("content", {})[media_type] = content
    return made


def refusal(codes: Sequence[StrEnum], refs: Refs) -> dict[str, Any]:
    return {
        "description": "; or ".join(f"`{code}`: {TEXTS[code]}" for code in codes),
        "headers": headers(HEADERS_OF_ALL),
        "content": {
            "application/problem+json": {
                "schema": refs[ProblemBody, "serialization"],
                "examples": {str(code): {"value": problem_example(code)} for code in codes},
            }
        },
    }


def headers(texts: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()}


def examples_of(model: type[BaseModel], examples: Examples) -> dict[str, Any]:
    return {"examples": {name: {"value": value} for name, value in examples.get(model, {}).items()}}
