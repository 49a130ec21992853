"""Binds the doors to the services of this process: what an endpoint gets, and how its caller is known and counted."""

from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.services import Services
from api_service.http.operations import Door, ParsedRequest
from api_service.http.stream_tickets import identify_by_ticket, ticket_in

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

ApiRequest = ParsedRequest[Services, B, Q]


class ServiceState(State):
    services: Services
    identity: Identity


JobsWebSocket = WebSocket[ServiceState]


async def by_key(connection: HTTPConnection[Any]) -> Identity:
    """The identity behind the Authorization header; only a key that must be read costs a thread. Raises Refusal."""
    services: Services = connection.state.services
    authorization = connection.headers.get("authorization")
    if known := services.keyring.recall(authorization):
        return known
    return await services.run(services.keyring.identify, authorization)


async def by_key_or_ticket(connection: HTTPConnection[Any]) -> Identity:
    """The identity that opens a stream: by the Authorization header, or else by `?ticket=`. Raises Refusal."""
    ticket = ticket_in(connection)
    if ticket is None:
        return await by_key(connection)
    services: Services = connection.state.services
    return await services.run(identify_by_ticket, services.tickets, ticket, connection)


async def count(request: Request[Any], identity: Identity, submits: bool) -> Charge:
    services: Services = request.state.services
    return await services.limits.begin(identity, submits=submits)


async def settle(request: Request[Any], charge: Charge) -> None:
    services: Services = request.state.services
    await services.limits.settle(charge)


DOOR = Door(by_key, count, settle)
