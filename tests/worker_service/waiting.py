"""A test waits for the thing, and looks for it ever more rarely."""

import time
from collections.abc import Callable

PATIENCE_S = 40.0
# Looking costs more processor time than what is looked for, so it becomes rarer.
LOOK_S, RARER, RAREST_S = 0.02, 1.5, 0.1


def until(holds: Callable[[], object], otherwise: Callable[[], str] = lambda: "it did not come about") -> None:
    """Return once it holds; AssertionError if it does not come about."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, LOOK_S
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(pause_s)
        pause_s = min(pause_s * RARER, RAREST_S)
