"""What a key may still do: requests and submissions by their rate, streams by their number, jobs and bytes by the rows.

A refusal names the limit and says when to try again. While Redis is away, nothing is refused.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlmodel import Session

from api_service.accounts.keyring import Identity
from api_service.limits import quotas
from api_service.limits.effective_limits import Limit, allowance
from api_service.limits.rates import Rate
from api_service.refusals.accounts import quota_exceeded, rate_limited
from api_service.refusals.refusal import Refusal
from api_service.services import Services

STREAM_AGAIN_S = 10


async def count_request(services: Services, identity: Identity) -> Rate | None:
    """Count one request. None where it is not counted. Raises Refusal: rate_limited."""
    rate = await count(services, identity, Limit.REQUESTS_PER_MINUTE, 1)
    if rate and not rate.granted:
        raise refusal(rate)
    return rate


def limits_submissions(services: Services, identity: Identity) -> bool:
    """Whether they are counted at all for this key."""
    return allowance(services.settings, identity, Limit.SUBMISSIONS_PER_HOUR) is not None


async def count_submissions(services: Services, identity: Identity, jobs: int) -> None:
    """Count so many jobs that are about to be recorded, all of them or none. Raises Refusal 429."""
    rate = await count(services, identity, Limit.SUBMISSIONS_PER_HOUR, jobs)
    if rate and not rate.granted:
        raise refusal(rate)


def check_quotas(session: Session, services: Services, identity: Identity, user_id: UUID, jobs: int) -> None:
    """Make sure that a user may have so many more jobs waiting, and any more bytes stored. Raises Refusal 429."""
    most = {limit: allowance(services.settings, identity, limit) for limit in (Limit.QUEUED_JOBS, Limit.STORED_BYTES)}
    quotas.check(session, user_id, most, jobs)


async def count(services: Services, identity: Identity, limit: Limit, cost: int) -> Rate | None:
    most = allowance(services.settings, identity, limit)
    return None if most is None else await services.rates.count(limit, identity.key_id, most, cost)


def refusal(rate: Rate) -> Refusal:
    return rate_limited(rate.limit, rate.most, retry_after_s=rate.retry_after_s, rate=rate)


@asynccontextmanager
async def open_stream(services: Services, identity: Identity) -> AsyncIterator[None]:
    """A stream of events counts as open within the block. Raises Refusal 429 if the key has too many open."""
    most = allowance(services.settings, identity, Limit.OPEN_STREAMS)
    async with services.streams.opened(identity.key_id, most) as admitted:
        if not admitted:
            raise quota_exceeded(
                Limit.OPEN_STREAMS,
                f"no more than {most} streams may be open with one key",
                retry_after_s=STREAM_AGAIN_S,
            )
        yield
