"""The `Idempotency-Key` of a submission, of an upload or of a task."""

import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.http.request_refusals import invalid_header

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SAYS_REPLAYED = {REPLAYED: "`true`: the request was sent before"}
VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request[Any], body: BaseModel) -> IdempotencyKey | None:
    """The request's key, if it has one, with what was parsed of its body. Raises Refusal: invalid_header."""
    key = key_in(request)
    if key is None:
        return None
    # Without defaults, so that a field of a later release does not make this another request.
    return IdempotencyKey(key, digest(request.url.path, body.model_dump(mode="json", exclude_defaults=True)))


def replay_headers(*, replayed: bool) -> dict[str, str]:
    return {REPLAYED: "true"} if replayed else {}


def key_in(request: Request[Any], acceptable: re.Pattern[str] = VISIBLE, kind: str = "visible") -> str | None:
    """The key alone, of characters of that kind. Raises Refusal: invalid_header."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not acceptable.fullmatch(given[0]):
        raise invalid_header(f"{HEADER} must be sent once, as 1 to 255 {kind} ASCII characters")
    return given[0]


def digest(path: str, body: Any) -> str:
    """The same for requests that ask for the same, however their JSON is written."""
    asked = json.dumps([path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(asked.encode()).hexdigest()
