"""A point of ComfyUI's protocol that was measured."""

from collections.abc import Callable
from typing import NamedTuple

Test = Callable[..., None]


class Point(NamedTuple):
    """What the server does, and the tests that hold us to it; without any, why there is nothing to hold."""

    what: str
    tests: tuple[Test, ...]
    why_none: str = ""
