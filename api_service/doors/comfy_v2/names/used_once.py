"""The `Idempotency-Key` of the Comfy API: it is good for one request, and the same key again is refused."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.http.request_refusals import invalid_header

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
ONCE = {HEADER: "good for one request: the same key again is refused"}


def used_once(http: Request[Any]) -> IdempotencyKey | None:
    """The request's key, with a digest that no other request has. Raises Refusal: invalid_header."""
    given = http.headers.getlist(HEADER)
    if not given:
        return None
    (key, *others) = given
    if others or not 0 < len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise invalid_header(f"{HEADER} must be sent once, as 1 to {LONGEST_KEY} printable ASCII characters")
    return IdempotencyKey(key, uuid4().hex)
