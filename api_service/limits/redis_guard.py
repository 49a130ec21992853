"""While Redis does not answer, it is asked once a second, and everything else passes without a limit."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import redis.asyncio
import structlog

from shared.messaging.redis_away import RedisAway

log = structlog.get_logger(__name__)

T = TypeVar("T")

WAIT_S = 0.3  # for one answer


class RedisGuard(RedisAway):
    """What one process knows of whether Redis answers. For one event loop."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        super().__init__()
        self.wait_s = wait_s

    async def ask(self, question: Awaitable[T]) -> T | None:
        """The answer, or None if none came in time. Ask only what `may_ask` allowed."""
        try:
            async with asyncio.timeout(self.wait_s):
                answer = await question
        except (redis.RedisError, OSError, TimeoutError, AttributeError) as error:
            # redis raises AttributeError where a connection is closed while it opens: the service ends.
            if self.failed():
                log.warning("limits.not_kept", error=str(error) or type(error).__name__)
            return None
        if self.answered():
            log.info("limits.kept_again")
        return answer
