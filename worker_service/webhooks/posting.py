"""One try of a delivery: the request, signed at this moment, and what came of it."""

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Answer, Asked, Outgoing
from shared.outgoing.failures import OutgoingError
from shared.webhooks.due import Taken
from shared.webhooks.outcome import KEPT_ANSWER, Try
from shared.webhooks.signing import headers_for


def post(outgoing: Outgoing, taken: Taken, deadline: Deadline) -> Try:
    """Send the delivery. Raises nothing: whatever went wrong is what came of it."""
    started = time.monotonic()
    body = taken.body.encode()
    headers = {"Content-Type": "application/json", **headers_for(taken.id, body, taken.at, taken.secrets)}
    try:
        with outgoing.ask(Asked(taken.url, "POST", headers, body), deadline) as answer:
            status, asked = answer.status_code, retry_after(answer, taken)
            # The status counts, whatever becomes of the body.
            beginning, broken_off = answer.beginning(KEPT_ANSWER)
    except OutgoingError as reason:
        return Try(took_ms(started), error=said_of(reason))
    error = said_of(broken_off) if broken_off else None
    return Try(took_ms(started), status, beginning, error, asked)


def said_of(reason: OutgoingError) -> str:
    return f"the URL {reason}"[:255]


def took_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def retry_after(answer: Answer, taken: Taken) -> timedelta | None:
    """What the answer asks for: seconds, or a date. None for nothing that can be read."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return timedelta(seconds=int(said[:9]))
    try:
        return max(timedelta(), parsedate_to_datetime(said) - taken.at)
    except (ValueError, TypeError, OverflowError):
        return None
