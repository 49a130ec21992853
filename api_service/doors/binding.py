"""Binds the doors to the services of this process: what an endpoint gets, and how its caller is known and counted."""

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.accounts.keyring import key_in
from api_service.doors.services import Services
from api_service.http.operations import Door, ParsedRequest
from api_service.http.signed_urls import SignedUrls, base_of, identify_by_url, signature_in
from api_service.http.streams.stream_tickets import identify_by_ticket, ticket_in
from api_service.submit.job_request import JobRequest
from api_service.submit.sealing import SentAlong, seal_all
from api_service.submit.submit import Acceptance

P = ParamSpec("P")
T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

ApiRequest = ParsedRequest[Services, B, Q]


class Run(Protocol):
    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...


class ServiceState(State):
    services: Services
    identity: Identity


JobsWebSocket = WebSocket[ServiceState]


async def by_key(connection: HTTPConnection[Any]) -> Identity:
    """The identity behind the Authorization header; only a key that must be read costs a thread. Raises Refusal."""
    return await identified(connection, connection.headers.get("authorization"))


async def identified(connection: HTTPConnection[Any], authorization: str | None) -> Identity:
    """The identity behind what an Authorization header says, or stands for it. Raises Refusal."""
    services: Services = connection.state.services
    if known := services.keyring.recall(authorization):
        return known
    sent = key_in(authorization)
    return services.keyring.identity(sent, await services.keys.answer(sent.id))


async def by_key_or_ticket(connection: HTTPConnection[Any]) -> Identity:
    """The identity that opens a stream: by the Authorization header, or else by `?ticket=`. Raises Refusal."""
    ticket = ticket_in(connection)
    if ticket is None:
        return await by_key(connection)
    services: Services = connection.state.services
    return await services.run(identify_by_ticket, services.tickets, ticket, connection)


async def by_key_or_url(connection: HTTPConnection[Any]) -> Identity:
    """The identity that asks for a file: by the Authorization header, or else by the URL's signature. Raises
    Refusal."""
    signed = signature_in(connection)
    if signed is None:
        return await by_key(connection)
    services: Services = connection.state.services
    identity = await services.run(identify_by_url, services.url_signing, connection, *signed)
    connection.state.is_by_url = True
    return identity


async def signed_urls(connection: HTTPConnection[Any], identity: Identity) -> SignedUrls:
    """What makes the URLs of files in the answer to this caller."""
    services: Services = connection.state.services
    signer = services.url_signing.recall()
    if signer is None:
        signer = await services.run(services.url_signing.signer)
    return SignedUrls(base_of(connection, services.settings.public_url), signer, identity.key_id)


def is_heavy(request: ApiRequest[Any, Any]) -> bool:
    """Whether its body is so large that what is done with it has a lane of its own."""
    return getattr(request.http.state, "is_heavy", False)


async def in_its_lane(request: ApiRequest[Any, Any], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do something short with the request's body: at once, or for a large one in its lane."""
    if is_heavy(request):
        return await request.services.heavy.run(work, *args, **kwargs)
    return work(*args, **kwargs)


def run_of(request: ApiRequest[Any, Any]) -> Run:
    """What does blocking work for this request in a thread of its lane."""
    return request.services.heavy.run if is_heavy(request) else request.services.run


def acceptance_of(request: ApiRequest[Any, Any]) -> Acceptance:
    """What accepting the request's jobs needs, with the threads of its lane."""
    services = request.services
    return services.acceptance._replace(threads=services.heavy.limiter) if is_heavy(request) else services.acceptance


async def sealed(request: ApiRequest[Any, Any], jobs: Sequence[SentAlong]) -> list[JobRequest]:
    """The jobs with their secrets encrypted; only where there are some does that cost a thread. Raises Refusal."""
    if any(job.extra_data.secrets for job in jobs):
        return await request.services.run(seal_all, request.services.vault, jobs)
    return [job.request for job in jobs]


async def count(request: Request[Any], identity: Identity, submits: bool) -> Charge:
    # A page shows hundreds of thumbnails at once. Who may have their URLs was counted when it asked for these.
    if getattr(request.state, "is_by_url", False):
        return Charge(identity)
    services: Services = request.state.services
    return await services.limits.begin(identity, submits=submits)


async def settle(request: Request[Any], charge: Charge) -> None:
    services: Services = request.state.services
    await services.limits.settle(charge)


DOOR = Door(by_key, count, settle)
