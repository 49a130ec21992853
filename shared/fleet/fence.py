"""Which node classes a graph may have: an operator's patterns."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

LONGEST_SHOWN = 200  # characters of a name in a message


@dataclass(frozen=True)
class Fence:
    """Patterns of node classes, as in file names: those that may be used (None: all), and those that may not."""

    allowed: Sequence[str] | None = None
    denied: Sequence[str] = ()

    def objection(self, name: str) -> str | None:
        """Why a node class may not be used; None if it may."""
        denied = next((pattern for pattern in self.denied if fnmatchcase(name, pattern)), None)
        if denied is not None:
            return f"the node class {name[:LONGEST_SHOWN]!r} may not be used here: DENIED_NODES has {denied!r}"
        if self.allowed is not None and not any(fnmatchcase(name, pattern) for pattern in self.allowed):
            return f"the node class {name[:LONGEST_SHOWN]!r} may not be used here: ALLOWED_NODES has no pattern for it"
        return None


OPEN = Fence()
