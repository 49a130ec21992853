"""While Redis does not answer, one caller a second asks it, and the others go on without it."""

import time

PAUSE_S = 1.0


class RedisAway:
    """What one process knows of whether Redis answers. It asks nothing itself, so blocking and asynchronous callers
    can use it: ask only if `may_ask()`, and report `answered()` or `failed()` after that."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self.pause_s = pause_s
        self.is_away = False
        self.silent_until = 0.0

    def may_ask(self) -> bool:
        """Whether to ask now.

        While Redis is away, a caller that may has the whole pause to itself: a Redis that hangs slows one caller a
        second, and no other.
        """
        now = time.monotonic()
        if now < self.silent_until:
            return False
        if self.is_away:
            self.silent_until = now + self.pause_s
        return True

    def failed(self) -> bool:
        """Redis gave no answer. Returns whether this is news."""
        is_news, self.is_away = not self.is_away, True
        self.silent_until = time.monotonic() + self.pause_s
        return is_news

    def answered(self) -> bool:
        """Redis answered. Returns whether this is news."""
        is_news = self.is_away
        if is_news:
            self.is_away, self.silent_until = False, 0.0
        return is_news
