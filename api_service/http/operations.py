"""An operation is a route with all that is promised of it: who may call it, what it takes, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.http.answers import as_answer, rate_headers
from api_service.http.bodies import LARGEST_BODY, read_json, read_query
from api_service.refusals.accounts import forbidden
from shared.database.engine import has_done_nothing
from shared.models import Scope


class Access(StrEnum):
    """Takes the place of a scope where none is needed."""

    NO_KEY = "no key"
    ANY_KEY = "any key"


class Nothing(BaseModel):
    """No body, or no query parameters."""

    model_config = ConfigDict(extra="forbid")


S = TypeVar("S")
B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

NOTHING = Nothing()
NOBODY = Identity(UUID(int=0), "", frozenset(), {})

Identify = Callable[[Request[Any]], Awaitable[Identity]]
Count = Callable[[Request[Any], Identity, bool], Awaitable[Charge]]
Settle = Callable[[Request[Any], Charge], Awaitable[None]]
Read = Callable[[Request[Any], type[Any], int], Awaitable[Any]]
Render = Callable[[Any], Response]


@dataclass(frozen=True)
class Door:
    """How an API knows its callers, and counts their requests. Handed in when its operations are mounted.

    `identify` raises Refusal for an unknown caller. `count` raises Refusal for one that asks too often; it is asked
    whether the request may submit a job. `settle` gives back what was counted and not used.
    """

    identify: Identify
    count: Count
    settle: Settle


@dataclass(frozen=True)
class ParsedRequest(Generic[S, B, Q]):
    """A request whose caller is known, and whose body and query parameters were parsed."""

    http: Request[Any]
    services: S
    charge: Charge
    body: B
    query: Q

    @property
    def identity(self) -> Identity:
        return self.charge.identity

    @property
    def path(self) -> Mapping[str, str]:
        return self.http.path_params


@dataclass(frozen=True)
class Answer:
    """What comes with a status: a model as JSON, or other media types; and headers, each with what it says."""

    model: type[BaseModel] | None
    description: str
    media_types: tuple[str, ...] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation(Generic[S, B, Q]):
    """One method at one path. `name` is its operationId; its summary and description are the endpoint's docstring.

    `problems` are the refusals of its own, besides those that the document adds to all of its kind.
    `submits` counts a submission with the request. `identify` takes the place of the door's; `read` reads the body;
    `render` makes a response of what the endpoint returns. An operation with a `form` reads it itself, as it comes;
    with a `body` too it takes either.
    """

    name: str
    method: str
    path: str
    endpoint: Callable[[ParsedRequest[S, B, Q]], Awaitable[Any]]
    scope: Scope | Access
    answers: Mapping[HTTPStatus, Answer]
    tag: str
    body: type[B] = Nothing  # type: ignore[assignment]  # no body
    form: type[BaseModel] | None = None
    query: type[Q] = Nothing  # type: ignore[assignment]  # no parameters
    problems: tuple[StrEnum, ...] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    largest_body: int = LARGEST_BODY
    submits: bool = False
    identify: Identify | None = None
    read: Read = read_json
    render: Render = as_answer

    async def answer(self, http: Request[Any], door: Door) -> Response:
        """Answer a request. Raises Refusal."""
        http.state.rate = {}
        if self.scope is Access.NO_KEY:
            return await self.answer_known(http, Charge(NOBODY))
        http.state.identity = identity = await (self.identify or door.identify)(http)
        charge = await door.count(http, identity, self.submits)
        http.state.rate = rate_headers(charge.rate)
        try:
            if isinstance(self.scope, Scope) and not charge.identity.may(self.scope):
                raise forbidden(self.scope)
            return await self.answer_known(http, charge)
        finally:
            await door.settle(http, charge)

    async def answer_known(self, http: Request[Any], charge: Charge) -> Response:
        """Answer a caller who may ask this. Raises Refusal."""
        query: Any = NOTHING if self.query is Nothing and not http.query_params else read_query(http, self.query)
        body: Any = NOTHING if self.body is Nothing else await self.read(http, self.body, self.largest_body)
        asked = ParsedRequest[S, B, Q](http, http.state.services, charge, body, query)
        try:
            found = await self.endpoint(asked)
        except DBAPIError as error:
            if self.method != "GET" or not has_done_nothing(error):  # what only reads may be asked again
                raise
            found = await self.endpoint(asked)
        response = self.render(found)
        response.headers.update(http.state.rate)
        return response


def routes_of(operations: Sequence[Operation[Any, Any, Any]], door: Door) -> list[Route]:
    """One route for each path, which knows all of its methods: so that 405 says which there are.

    Paths with fewer parameters come first: `/stats` is no job's number.
    """
    by_path: dict[str, dict[str, Operation[Any, Any, Any]]] = {}
    for operation in sorted(operations, key=lambda operation: operation.path.count("{")):
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [route_of(path, by_method, door) for path, by_method in by_path.items()]


class PathRoute(Route):
    """A path belongs to the first route that has it, whatever the method: `GET /bulk` is 405, and no job's number.

    It is the same with and without a last slash, and from here on it is as documented. A redirect would lose bodies.
    """

    @cached_property
    def beginning(self) -> str:
        """What each of its addresses begins with. Most routes are passed over by it: an expression takes ten times as
        long, and a request tries a hundred routes."""
        return self.path.partition("{")[0].rstrip("/")

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        path: str = scope["path"]
        if not path.startswith(self.beginning):
            return Match.NONE, {}
        if self.path.endswith("/") != path.endswith("/"):
            path = path.removesuffix("/") if path.endswith("/") else f"{path}/"
        match, found = super().matches({**scope, "path": path})
        return (match, found) if match is Match.NONE else (Match.FULL, {**found, "path": path})


@dataclass(frozen=True)
class Answering:
    """The ASGI application of one path. What it raises is answered once, around all routes, and not here too, as
    Starlette does around each function."""

    by_method: Mapping[str, Operation[Any, Any, Any]]
    door: Door

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        http: Request[Any] = Request(scope, receive, send)
        operation = self.by_method.get(http.method) or self.by_method["GET"]  # which answers HEAD too
        response = await operation.answer(http, self.door)
        await response(scope, receive, send)


def route_of(path: str, by_method: Mapping[str, Operation[Any, Any, Any]], door: Door) -> Route:
    return PathRoute(path, Answering(by_method, door), methods=list(by_method))
