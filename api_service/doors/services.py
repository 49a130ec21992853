"""What one API process has, made in `main` and handed to every request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import anyio
import anyio.to_thread
from sqlalchemy import Engine

from api_service.accounts.keyring import Keyring, KnownKey
from api_service.accounts.trusted import TrustedNetworks
from api_service.accounts.url_signing import UrlSigning
from api_service.assets.fetching import Fetches
from api_service.fleet.capability_cache import CapabilityReader
from api_service.fleet.model_infos import ModelInfos
from api_service.fleet.object_infos import ObjectInfos
from api_service.http.server.lane import Lane
from api_service.http.shared_answers.asked_together import AskedTogether
from api_service.http.shared_answers.kept_bodies import KeptBodies
from api_service.http.shared_answers.one_answer import OneAnswer
from api_service.http.shared_answers.one_question import OneQuestion
from api_service.limits.key_limits import KeyLimits
from api_service.streams.relay import Relay
from api_service.streams.tickets import Tickets
from api_service.streams.timings import StreamTimings
from api_service.submit.submit import Acceptance
from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import Settings
from shared.database.reads import Reads
from shared.messaging.messenger import Messenger
from shared.storage.store import OutputStore

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    settings: Settings
    engine: Engine
    reads: Reads
    messenger: Messenger
    store: OutputStore
    vault: Vault
    relay: Relay
    keyring: Keyring
    keys: OneQuestion[str, KnownKey]  # what the keyring reads of a key, for all who show it meanwhile
    trusted: TrustedNetworks
    tickets: Tickets
    url_signing: UrlSigning
    limits: KeyLimits
    capabilities: CapabilityReader
    object_infos: ObjectInfos
    model_infos: ModelInfos
    histories: KeptBodies
    ended_prompts: AskedTogether[tuple[UUID, UUID], int]  # the job of a prompt that has ended, by its user and its id
    acceptance: Acceptance
    timings: StreamTimings
    threads: anyio.CapacityLimiter
    fetches: Fetches  # files that users have named by a URL
    heavy: Lane  # for work that takes a processor's time for long
    overviews: Mapping[str, OneAnswer[Any]]  # everybody's work at a glance, by its period
    readiness: OneAnswer[Any]  # what `/health/ready` says

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in one of this service's own threads, so that a hung server starves nothing else."""
        return await anyio.to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self.threads)

    async def read(self, find: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same for what may be heavy and only reads: a replica may answer it."""
        return await self.run(lambda: self.reads.read(find, *args, **kwargs))
