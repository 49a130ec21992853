"""While Redis does not answer, it is asked once a second, and everything else passes without a limit."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import redis.asyncio
import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

WAIT_S = 0.3  # for one answer
SILENCE_S = 1.0


class RedisGuard:
    """What one process knows of whether Redis answers. For one event loop."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self.wait_s = wait_s
        self.away = False
        self.silent_until = 0.0

    def allows(self) -> bool:
        """Whether to ask now. While Redis is away, only one request a second may, so a Redis that hangs slows no
        other."""
        now = time.monotonic()
        if now < self.silent_until:
            return False
        if self.away:
            self.silent_until = now + SILENCE_S
        return True

    async def ask(self, question: Awaitable[T]) -> T | None:
        """The answer, or None if none came in time. Ask only what `allows` allowed."""
        try:
            async with asyncio.timeout(self.wait_s):
                answer = await question
        except (redis.RedisError, OSError, TimeoutError) as error:
            self.silent_until = time.monotonic() + SILENCE_S
            if not self.away:
                self.away = True
                log.warning("limits.not_kept", error=str(error) or type(error).__name__)
            return None
        if self.away:
            self.away, self.silent_until = False, 0.0
            log.info("limits.kept_again")
        return answer
