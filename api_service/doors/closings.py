"""How a WebSocket closes, at whichever door: 4000 and the HTTP status that says the same, where there is one."""

from collections.abc import Awaitable
from typing import Any, NamedTuple

import anyio
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocket

from api_service.http.problems import STATUSES, detail_of
from api_service.http.server.access_log import who_asks
from api_service.refusals.refusal import Refusal
from api_service.streams.watch import KeyEnded, ServerStops, StreamEnded

log = structlog.get_logger(__name__)

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


async def closing_after(websocket: WebSocket[Any], stream: Awaitable[Closing]) -> Closing:
    """What to close with once a stream has told everything, or cannot go on. Raises Refusal."""
    path = websocket.scope["path"]
    try:
        return await stream
    except ServerStops:
        return RESTART
    except KeyEnded:
        return NOT_VALID
    except (StreamEnded, TimeoutError):
        log.info("live.too_slow", path=path)
        return SLOW
    except SQLAlchemyError as error:
        log.warning("live.no_snapshot", path=path, error=str(error))
        return TRY_AGAIN


async def close(websocket: WebSocket[Any], closing: Closing) -> None:
    log.info("live.closed", path=websocket.scope["path"], code=closing.code, **who_asks(websocket.scope))
    with anyio.move_on_after(websocket.state.services.timings.close_timeout_s):
        await websocket.close(closing.code, closing.frame_reason)
