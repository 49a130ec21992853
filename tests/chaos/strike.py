"""One fault of a schedule."""

from typing import NamedTuple


class Strike(NamedTuple):
    """One fault of a schedule: `at` seconds after the start, for `for_s` seconds. `how` is one of its kind's ways."""

    at: float
    kind: str
    target: str
    for_s: float
    how: str = ""
