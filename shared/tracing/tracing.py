"""What happens to a job is told in the spans of one trace; while that is off, nothing is made and nothing is imported.

`shared.tracing.exporting` has the class that does it, and the only imports of OpenTelemetry.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

Attributes = Mapping[str, str | int | float | bool]
NONE: Attributes = {}


class Kind(Enum):
    """Which side of a call a span is, by the names of OpenTelemetry."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class Place(NamedTuple):
    """Where a span stands that begins anew in this process: behind a `traceparent`, or else first in a trace.

    What has no traceparent is in the trace that `trace_key` names, where that is given. Spans of the same `span_key`
    in one trace have the same id, whichever process tells of them.
    """

    traceparent: str | None = None
    trace_key: str = ""
    span_key: str = ""
    began_at: datetime | None = None  # else now


class Span:
    """A span that nobody is told of."""

    def name(self, name: str) -> None:
        """Call it so from now on."""

    def note(self, attributes: Attributes) -> None:
        """Say this of it. Texts of others, which may hold secrets, do not belong here."""

    def failed(self, kind: str) -> None:
        """It ends in an error of this kind: a code, or the name of a class."""


UNTOLD = Span()


class Tracing:
    """Tracing that is off."""

    def traceparent(self) -> str | None:
        """Where the work of this thread or task stands, to be continued elsewhere. None for work of no trace."""
        return None

    def trace_id(self) -> str | None:
        """The id of its trace."""
        return None

    def log_fields(self) -> Mapping[str, str]:
        """What log lines of this work say of it."""
        trace_id = self.trace_id()
        return {} if trace_id is None else {"trace_id": trace_id}

    def beginning(
        self, name: str, place: Place, kind: Kind, attributes: Attributes = NONE
    ) -> AbstractContextManager[Span]:
        """A span at this place, until the block ends."""
        return nullcontext(UNTOLD)

    def span(
        self, name: str, attributes: Attributes = NONE, kind: Kind = Kind.INTERNAL
    ) -> AbstractContextManager[Span]:
        """A span below that of the work at hand, until the block ends. Work of no trace has none."""
        return nullcontext(UNTOLD)

    def tell(self, name: str, place: Place, ended_at: datetime, attributes: Attributes = NONE) -> None:
        """A span that ended in an error, in a process that can no longer tell of it."""

    def close(self) -> None:
        """Send what is not sent yet, within a bounded time."""


OFF = Tracing()
