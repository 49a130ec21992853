"""What can be refused about keys, users and their limits."""

from typing import Any

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.models import Scope


def unauthenticated(reason: str) -> Refusal:
    return Refusal(Code.UNAUTHENTICATED, reason)


def forbidden(scope: Scope) -> Refusal:
    return Refusal(Code.FORBIDDEN, f"this needs a key with the scope {scope}", scope=scope)


def user_not_found(user_id: object) -> Refusal:
    return Refusal(Code.USER_NOT_FOUND, f"there is no user {str(user_id)!r}")


def key_not_found(key_id: str) -> Refusal:
    return Refusal(Code.KEY_NOT_FOUND, f"there is no key {key_id!r}")


def name_taken(name: str) -> Refusal:
    return Refusal(Code.NAME_TAKEN, f"another user is called {name!r}")


def rate_limited(limit: str, most: int, *, retry_after_s: int, rate: Any) -> Refusal:
    """`rate` is what was counted; a door may show it."""
    sentence = f"this key may have {most} {limit.replace('_', ' ')}; try again in {retry_after_s} s"
    return Refusal(Code.RATE_LIMITED, sentence, limit=limit, retry_after_s=retry_after_s, rate=rate)


def quota_exceeded(limit: str, reason: str, *, retry_after_s: int) -> Refusal:
    return Refusal(Code.QUOTA_EXCEEDED, reason, limit=limit, retry_after_s=retry_after_s)
