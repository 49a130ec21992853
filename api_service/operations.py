"""An operation is a route with all that is promised of it: who may call it, what it takes, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.routing import Route

from api_service.authentication import Identity
from api_service.bodies import read_body, read_query
from api_service.codes import Code
from api_service.problems import forbidden, job_not_found
from api_service.state import JobsRequest, Services
from shared.links import number_in
from shared.models import Scope


class Nothing(BaseModel):
    """No body, or no query parameters."""

    model_config = ConfigDict(extra="forbid")


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

NOTHING = Nothing()


@dataclass(frozen=True)
class Call(Generic[B, Q]):
    """A request whose key was looked up, and whose body and query parameters were parsed."""

    request: JobsRequest
    identity: Identity
    body: B
    query: Q

    @property
    def services(self) -> Services:
        return self.request.state.services

    @property
    def job_id(self) -> int:
        """The job's number in the path. Raises Problem 404: what cannot be a number names no job either."""
        text = self.request.path_params["job_id"]
        job_id = number_in(text)
        if job_id is None:
            raise job_not_found(text)
        return job_id


@dataclass(frozen=True)
class Answer:
    """What comes with a status: a model as JSON, or other media types; and headers, each with what it says."""

    model: type[BaseModel] | None
    description: str
    media_types: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation(Generic[B, Q]):
    """One method at one path. `name` is its operationId; its summary and description are the endpoint's docstring.

    `problems` are the refusals of its own, besides those that `api_service.openapi` adds to all of its kind.
    """

    name: str
    method: str
    path: str
    endpoint: Callable[[Call[B, Q]], Awaitable[Response]]
    scope: Scope
    answers: Mapping[HTTPStatus, Answer]
    tag: str
    body: type[B] = Nothing  # type: ignore[assignment]  # no body
    query: type[Q] = Nothing  # type: ignore[assignment]  # no parameters
    problems: tuple[Code, ...] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)

    async def answer(self, request: JobsRequest) -> Response:
        """Answer a request. Raises Problem."""
        identity = await authenticate(request, self.scope)
        query = NOTHING if self.query is Nothing and not request.query_params else read_query(request, self.query)
        body = NOTHING if self.body is Nothing else await read_body(request, self.body)
        return await self.endpoint(Call(request, identity, body, query))  # type: ignore[arg-type]  # as declared


async def authenticate(request: JobsRequest, scope: Scope) -> Identity:
    """Who asks. Raises Problem: 401 for an unknown key, 403 for one that lacks the scope."""
    services = request.state.services
    identity = await services.run(services.keyring.identify, request.headers.get("authorization"))
    if not identity.may(scope):
        raise forbidden(scope)
    return identity


def routes_of(operations: Sequence[Operation[Any, Any]]) -> list[Route]:
    """One route for each path, which knows all of its methods: so that 405 says which there are."""
    by_path: dict[str, dict[str, Operation[Any, Any]]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    # Starlette takes the first that matches: `stats` must not be taken for a job's number.
    return [route_of(path, by_path[path]) for path in sorted(by_path, key=lambda path: "{" in path)]


def route_of(path: str, by_method: Mapping[str, Operation[Any, Any]]) -> Route:
    async def answer(request: JobsRequest) -> Response:
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        return await operation.answer(request)

    return Route(path, answer, methods=list(by_method))
