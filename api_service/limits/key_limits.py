"""What a key may still do: requests and submissions by their rate, streams by their number, jobs and bytes by the rows.

A refusal names the limit and says when to try again. While Redis is away, nothing is refused for a rate.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.limits.open_streams import OpenStreams
from api_service.limits.rates import Ask, Limit, Rate, RateCounter
from api_service.limits.waiting_jobs import WaitingJobs
from api_service.refusals.accounts import quota_exceeded, rate_limited
from shared.accounts.users import read_submitter
from shared.configuration.settings import Settings
from shared.database.engine import reading
from shared.models import User
from shared.usage.budgets import used_up, usual_budgets

STREAM_AGAIN_S = 10
QUEUED_AGAIN_S = 10  # places become free as jobs start
STORED_AGAIN_S = 60  # bytes become free as somebody deletes jobs


@dataclass(frozen=True)
class KeyLimits:
    """The limits of this deployment, and where they are counted. Made in `main`."""

    settings: Settings
    rates: RateCounter
    streams: OpenStreams
    waiting: WaitingJobs

    def most(self, identity: Identity, limit: Limit) -> int | None:
        """How much of it the key may have, by its own row or else by the settings; None for no limit."""
        if limit in identity.limits:
            own: int | None = identity.limits[limit]
            return own
        usual: int | None = getattr(self.settings, f"limit_{limit}")
        return usual

    async def begin(self, identity: Identity, *, submits: bool = False) -> Charge:
        """Count a request, and with it one submission where it may be one: both are one question to Redis.

        Raises Refusal: rate_limited, for the request. What submissions are left matters once the job is found good.
        """
        asked = [
            Ask(limit, most)
            for limit in (Limit.REQUESTS_PER_MINUTE, *([Limit.SUBMISSIONS_PER_HOUR] if submits else ()))
            if (most := self.most(identity, limit)) is not None
        ]
        rates = {rate.limit: rate for rate in await self.rates.count(identity.key_id, *asked) or ()} if asked else {}
        request, submission = rates.get(Limit.REQUESTS_PER_MINUTE), rates.get(Limit.SUBMISSIONS_PER_HOUR)
        if request:
            must_be_granted(request)
        return Charge(identity, request, reserved=int(submission is not None and submission.granted))

    def are_counted(self, charge: Charge, jobs: int) -> bool:
        """Whether so many jobs are counted already, or need not be."""
        return jobs <= charge.reserved or self.most(charge.identity, Limit.SUBMISSIONS_PER_HOUR) is None

    async def count_submissions(self, charge: Charge, jobs: int) -> None:
        """Count jobs that are about to be recorded, all of them or none. Raises Refusal: rate_limited."""
        more = jobs - charge.reserved
        most = self.most(charge.identity, Limit.SUBMISSIONS_PER_HOUR)
        if more > 0 and most is not None:
            for rate in (
                await self.rates.count(charge.identity.key_id, Ask(Limit.SUBMISSIONS_PER_HOUR, most, more)) or ()
            ):
                must_be_granted(rate)
        charge.reserved = 0

    async def count_upload(self, identity: Identity) -> None:
        """Count a file that is to be kept, whatever becomes of it: it costs as much. Raises Refusal: rate_limited."""
        most = self.most(identity, Limit.UPLOADS_PER_HOUR)
        if most is not None:
            for rate in await self.rates.count(identity.key_id, Ask(Limit.UPLOADS_PER_HOUR, most)) or ():
                must_be_granted(rate)

    async def settle(self, charge: Charge) -> None:
        """Give back what was counted for a submission that was none: the job was refused, or made before."""
        most = self.most(charge.identity, Limit.SUBMISSIONS_PER_HOUR)
        if charge.reserved and most is not None:
            await self.rates.count(charge.identity.key_id, Ask(Limit.SUBMISSIONS_PER_HOUR, most, -charge.reserved))
            charge.reserved = 0

    def check_quotas(self, engine: Engine, identity: Identity, user_id: UUID, jobs: int) -> None:
        """Make sure that a user may have this many more jobs waiting, any more bytes stored, and a budget for them.
        Raises Refusal: quota_exceeded."""
        most = {limit: self.most(identity, limit) for limit in (Limit.QUEUED_JOBS, Limit.STORED_BYTES)}
        with reading(engine) as session:
            user, accepted = read_submitter(session, user_id)
            queued = most[Limit.QUEUED_JOBS]
            if queued is not None and not self.waiting.have_room(session, user_id, accepted, most=queued, more=jobs):
                reason = f"no more than {queued} jobs of one user may wait"
                raise quota_exceeded(Limit.QUEUED_JOBS, reason, retry_after_s=QUEUED_AGAIN_S)
            check_stored_bytes(user, most[Limit.STORED_BYTES])
            if exceeded := used_up(session, user, usual_budgets(self.settings), jobs):
                raise quota_exceeded(exceeded.budget.limit, exceeded.reason, retry_after_s=exceeded.again_in_s)

    @asynccontextmanager
    async def open_stream(self, identity: Identity) -> AsyncIterator[None]:
        """A stream of events counts as open within the block. Raises Refusal: quota_exceeded."""
        most = self.most(identity, Limit.OPEN_STREAMS)
        async with self.streams.opened(identity.key_id, most) as admitted:
            if not admitted:
                reason = f"no more than {most} streams may be open with one key"
                raise quota_exceeded(Limit.OPEN_STREAMS, reason, retry_after_s=STREAM_AGAIN_S)
            yield


def must_be_granted(rate: Rate) -> None:
    """Raises Refusal: rate_limited."""
    if not rate.granted:
        raise rate_limited(rate.limit, rate.most, retry_after_s=rate.retry_after_s, rate=rate)


def check_stored_bytes(user: User, most: int | None, more: int = 0) -> None:
    """Raises Refusal: quota_exceeded, if the user has stored the most there may be, or would have more with these."""
    if most is not None and (user.stored_bytes >= most or user.stored_bytes + more > most):
        reached = f"has reached {most}" if user.stored_bytes >= most else f"would be more than {most}"
        reason = f"what the user has stored {reached} bytes; delete jobs or assets first"
        raise quota_exceeded(Limit.STORED_BYTES, reason, retry_after_s=STORED_AGAIN_S)
