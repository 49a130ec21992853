"""What one API process has, made in `main` and handed to every request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Engine
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from api_service.accounts.identity import Identity
from api_service.accounts.keyring import Keyring
from api_service.accounts.tickets import Tickets, ticket_in
from api_service.fleet.capability_cache import CapabilityReader
from api_service.limits.key_limits import KeyLimits
from api_service.streams.relay import Relay
from api_service.streams.timings import StreamTimings
from api_service.submit.submit import Acceptance
from shared.configuration.settings import Settings
from shared.files.store import OutputStore
from shared.messaging.after_commit import Outbox

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    settings: Settings
    engine: Engine
    outbox: Outbox
    store: OutputStore
    relay: Relay
    keyring: Keyring
    tickets: Tickets
    limits: KeyLimits
    capabilities: CapabilityReader
    timings: StreamTimings
    threads: anyio.CapacityLimiter

    @property
    def acceptance(self) -> Acceptance:
        return Acceptance(self.outbox, self.capabilities, self.limits, self.threads)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in one of this service's own threads, so that a hung server starves nothing else."""
        return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.threads)

    async def identify(self, authorization: str | None) -> Identity:
        """The identity behind an Authorization header; only a key that must be read costs a thread. Raises Refusal."""
        if known := self.keyring.recall(authorization):
            return known
        return await self.run(self.keyring.identify, authorization)

    async def identify_stream(self, connection: HTTPConnection[Any]) -> Identity:
        """The identity that opens a stream: by the Authorization header, or else by `?ticket=`. Raises Refusal."""
        ticket = ticket_in(connection)
        if ticket is None:
            return await self.identify(connection.headers.get("authorization"))
        return await self.run(self.tickets.identify, ticket, connection)


class ServiceState(State):
    services: Services
    request_id: str
    rate: Mapping[str, str]  # what the answer's headers say of the rate limit, once that is known


JobsRequest = Request[ServiceState]
JobsWebSocket = WebSocket[ServiceState]
