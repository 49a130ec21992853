"""How a WebSocket closes: 4000 and the HTTP status that says the same, where there is one."""

from typing import NamedTuple

from api_service.http.problems import STATUSES, detail_of
from api_service.refusals.refusal import Refusal

LONGEST_REASON = 123  # bytes: what a close frame holds

STOPPING = "service restart"
TOO_SLOW = "the events were not read fast enough"
KEY_ENDED = "the key was revoked or has expired"
RESUMED = "the stream was resumed on another connection"


class Closing(NamedTuple):
    code: int
    reason: str

    @classmethod
    def of(cls, refusal: Refusal) -> "Closing":
        """The refusal that an HTTP request would get; with what is wrong with each parameter, as far as it fits."""
        wrong = "; ".join(f"{error.field}: {error.message}" for error in refusal.errors)
        return cls(4000 + STATUSES[refusal.code], wrong or detail_of(refusal))

    @property
    def frame_reason(self) -> str:
        return self.reason.encode()[:LONGEST_REASON].decode(errors="ignore")


ALL_ENDED = Closing(1000, "all have ended")
RESTART = Closing(1012, STOPPING)
TRY_AGAIN = Closing(1013, "the database cannot be reached right now")
NOT_VALID = Closing(4401, KEY_ENDED)
NO_SUCH_JOB = Closing(4404, "there is no such job")
SLOW = Closing(4408, TOO_SLOW)
