"""An event stream is sent until it ends, and its last words say why."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api_service.doors.closings import KEY_ENDED, RESUMED, STOPPING, TOO_SLOW
from api_service.doors.v1.streams.event_streams import as_text
from api_service.http.streams.event_stream import SendText, as_comment
from api_service.streams.watch import KeyEnded, Resumed, ServerStops, TooSlow

log = structlog.get_logger(__name__)


async def sent_to_the_end(send_all: Callable[[SendText], Awaitable[None]], write: SendText, **facts: object) -> str:
    """Send the client everything until there is no more to come. Returns what to send last. `facts` are for the log."""
    try:
        await send_all(write)
    except (TooSlow, TimeoutError):
        log.info("events.too_slow", **facts)
        return as_comment(TOO_SLOW)
    except ServerStops:
        return as_comment(STOPPING)
    except KeyEnded:
        return as_text("closed", {"reason": KEY_ENDED})
    except Resumed:
        return as_text("closed", {"reason": RESUMED})
    except SQLAlchemyError as error:
        log.warning("events.no_rows", **facts, error=str(error))
    return ""
