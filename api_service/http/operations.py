"""An operation is a route with all that is promised of it: who may call it, what it takes, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope as Connection

from api_service.accounts.identity import Identity
from api_service.http.answers import rate_headers
from api_service.http.bodies import LARGEST_BODY, read_body, read_query
from api_service.refusals.accounts import forbidden
from api_service.refusals.jobs import job_not_found
from api_service.services import JobsRequest, Services
from shared.jobs.urls import number_in
from shared.models import Scope


class Access(StrEnum):
    """What stands in the place of a scope where none is needed."""

    NO_KEY = "no key"
    ANY_KEY = "any key"


class Nothing(BaseModel):
    """No body, or no query parameters."""

    model_config = ConfigDict(extra="forbid")


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

NOTHING = Nothing()
NOBODY = Identity(UUID(int=0), "", frozenset(), {})


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
        """The job's number in the path. Raises Refusal 404: what cannot be a number names no job either."""
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

    With `takes_ticket`, `?ticket=` may stand in for the key; the query's model has it too.

    `problems` are the refusals of its own, besides those that `api_service.doors.v1.openapi` adds to all of its kind.
    """

    name: str
    method: str
    path: str
    endpoint: Callable[[Call[B, Q]], Awaitable[Response]]
    scope: Scope | Access
    answers: Mapping[HTTPStatus, Answer]
    tag: str
    body: type[B] = Nothing  # type: ignore[assignment]  # no body
    query: type[Q] = Nothing  # type: ignore[assignment]  # no parameters
    problems: tuple[StrEnum, ...] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    largest_body: int = LARGEST_BODY
    takes_ticket: bool = False

    async def answer(self, request: JobsRequest) -> Response:
        """Answer a request. Raises Refusal."""
        identity = await self.admit(request)
        query = NOTHING if self.query is Nothing and not request.query_params else read_query(request, self.query)
        body = NOTHING if self.body is Nothing else await read_body(request, self.body, self.largest_body)
        response = await self.endpoint(Call(request, identity, body, query))  # type: ignore[arg-type]  # as declared
        response.headers.update(request.state.rate)
        return response

    async def admit(self, request: JobsRequest) -> Identity:
        """Who asks. Raises Refusal: 401 for an unknown key, 429 for too many requests, 403 without the scope."""
        services = request.state.services
        request.state.rate = {}
        if self.scope is Access.NO_KEY:
            return NOBODY
        if self.takes_ticket:
            identity = await services.identify_stream(request)
        else:
            identity = await services.identify(request.headers.get("authorization"))
        request.state.rate = rate_headers(await services.limits.count_request(identity))
        if isinstance(self.scope, Scope) and not identity.may(self.scope):
            raise forbidden(self.scope)
        return identity


def routes_of(operations: Sequence[Operation[Any, Any]]) -> list[Route]:
    """One route for each path, which knows all of its methods: so that 405 says which there are.

    Paths with fewer parameters come first: `/stats` is no job's number.
    """
    by_path: dict[str, dict[str, Operation[Any, Any]]] = {}
    for operation in sorted(operations, key=lambda operation: operation.path.count("{")):
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [route_of(path, by_method) for path, by_method in by_path.items()]


class PathRoute(Route):
    """A path belongs to the first route that has it, whatever the method: `GET /bulk` is 405, and no job's number."""

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        match, found = super().matches(scope)
        return (Match.FULL, found) if match is Match.PARTIAL else (match, found)


def route_of(path: str, by_method: Mapping[str, Operation[Any, Any]]) -> Route:
    async def answer(request: JobsRequest) -> Response:
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        return await operation.answer(request)

    return PathRoute(path, answer, methods=list(by_method))
