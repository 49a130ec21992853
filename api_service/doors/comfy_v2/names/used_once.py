"""The `Idempotency-Key` of the Comfy API: it is good for one request, and the same key again is refused."""

import re
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.doors.idempotency_key import HEADER, key_in

PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
ONCE = {HEADER: "good for one request: the same key again is refused"}


def used_once(http: Request[Any]) -> IdempotencyKey | None:
    """The request's key, with a digest that no other request has. Raises Refusal: invalid_header."""
    key = key_in(http, PRINTABLE, "printable")
    return None if key is None else IdempotencyKey(key, uuid4().hex)
