"""What a key may still do: requests and submissions by their rate, streams by their number, jobs and bytes by the rows.

A refusal names the limit and says when to try again. While Redis is away, nothing is refused for a rate.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from api_service.accounts.identity import Identity
from api_service.limits import quotas
from api_service.limits.effective_limits import Limit, effective_limit
from api_service.limits.open_streams import OpenStreams
from api_service.limits.rates import Rate, RateCounter
from api_service.refusals.accounts import quota_exceeded, rate_limited
from shared.configuration.settings import Settings
from shared.database.engine import reading_without_transaction

STREAM_AGAIN_S = 10


@dataclass(frozen=True)
class KeyLimits:
    """The limits of this deployment, and where they are counted. Made in `main`."""

    settings: Settings
    rates: RateCounter
    streams: OpenStreams

    def most(self, identity: Identity, limit: Limit) -> int | None:
        """How much of it the key may have; None for no limit."""
        return effective_limit(self.settings, identity, limit)

    async def count_request(self, identity: Identity) -> Rate | None:
        """Count one request. None where requests are not counted. Raises Refusal: rate_limited."""
        return await self.count(identity, Limit.REQUESTS_PER_MINUTE, 1)

    async def count_submissions(self, identity: Identity, jobs: int) -> Rate | None:
        """Count jobs that are about to be recorded, all of them or none. Raises Refusal: rate_limited."""
        return await self.count(identity, Limit.SUBMISSIONS_PER_HOUR, jobs)

    async def count(self, identity: Identity, limit: Limit, cost: int) -> Rate | None:
        most = self.most(identity, limit)
        rate = None if most is None else await self.rates.count(limit, identity.key_id, most, cost)
        if rate and not rate.granted:
            raise rate_limited(rate.limit, rate.most, retry_after_s=rate.retry_after_s, rate=rate)
        return rate

    def check_quotas(self, engine: Engine, identity: Identity, user_id: UUID, jobs: int) -> None:
        """Make sure that a user may have this many more jobs waiting, and any more bytes stored. Raises Refusal:
        quota_exceeded."""
        most = {limit: self.most(identity, limit) for limit in (Limit.QUEUED_JOBS, Limit.STORED_BYTES)}
        if any(value is not None for value in most.values()):
            with reading_without_transaction(engine) as session:
                quotas.check(session, user_id, most, jobs)

    @asynccontextmanager
    async def open_stream(self, identity: Identity) -> AsyncIterator[None]:
        """A stream of events counts as open within the block. Raises Refusal: quota_exceeded."""
        most = self.most(identity, Limit.OPEN_STREAMS)
        async with self.streams.opened(identity.key_id, most) as admitted:
            if not admitted:
                reason = f"no more than {most} streams may be open with one key"
                raise quota_exceeded(Limit.OPEN_STREAMS, reason, retry_after_s=STREAM_AGAIN_S)
            yield
