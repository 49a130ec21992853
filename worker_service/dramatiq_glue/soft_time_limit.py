"""Dramatiq's time limit, put off for a job that only waits for its turn."""

from dramatiq.middleware import TimeLimit


class SoftTimeLimit(TimeLimit):
    def put_off(self, thread: int, seconds: float) -> None:
        """The thread has this much more time, unless its limit has passed."""
        manager = self.manager
        with manager.mu:  # type: ignore[union-attr]  # gevent's has none, and is never used here
            deadline = manager.deadlines.get(thread)  # type: ignore[union-attr]
            if deadline is not None:
                manager.deadlines[thread] = deadline + seconds  # type: ignore[union-attr]
