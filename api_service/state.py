"""What one API process has, made in `main` and handed to every request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import Engine
from starlette.datastructures import State
from starlette.requests import Request
from starlette.websockets import WebSocket

from api_service.authentication import Keyring
from api_service.capabilities import CapabilityReader
from api_service.relay import Relay
from shared.outbox import Outbox
from shared.settings import Settings
from shared.storage import OutputStore

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
    capabilities: CapabilityReader
    threads: anyio.CapacityLimiter

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in one of this service's own threads, so that a hung server starves nothing else."""
        return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.threads)


class ServiceState(State):
    services: Services


JobsRequest = Request[ServiceState]
JobsWebSocket = WebSocket[ServiceState]
