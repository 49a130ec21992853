"""How ComfyUI's own API knows its callers: by a key in a header or in the address, or by the network they ask from."""

import asyncio
import base64
import binascii
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.binding import by_key, count, settle
from api_service.http.operations import Door
from api_service.http.server.address_keys import BY_ADDRESS
from api_service.http.server.pace import address_of
from api_service.http.server.peers import asks_itself
from api_service.refusals.accounts import unauthenticated
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.models import Scope

ALL = frozenset({Scope.READ, Scope.WRITE})
ADDRESS_ONLY = frozenset({Scope.NATIVE})


async def known_caller(connection: HTTPConnection[Any]) -> Identity:
    """Whose request it is, with the rights that it has here. Raises Refusal."""
    identity = await identified(connection)
    if connection.scope["state"].get(BY_ADDRESS) and identity.scopes != ADDRESS_ONLY:
        raise unauthenticated("only a key whose one scope is `native` is taken from an address")
    return replace(identity, scopes=identity.scopes | ALL) if Scope.NATIVE in identity.scopes else identity


async def identified(connection: HTTPConnection[Any]) -> Identity:
    authorization = connection.headers.get("authorization")
    if has_credentials(authorization):
        return await by_key(connection)
    services = connection.state.services
    trusted = services.trusted.network_of(address_of(connection.scope))
    if trusted is None:
        return await by_key(connection)
    if not asks_itself(connection.scope):
        raise unauthenticated("the network is trusted, but the request came by a proxy that is not")
    if not is_of_this_site(connection):
        raise unauthenticated("the network is trusted, but the request is that of another site's page")
    return await services.run(services.trusted.identify, trusted)  # type: ignore[no-any-return]


def has_credentials(authorization: str | None) -> bool:
    """Whether a header says anything: some programs send `Bearer` and nothing, or an empty user and password."""
    scheme, _, credentials = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).strip(b":") != b""
        except binascii.Error:
            return True
    return bool(credentials.strip() or (scheme and scheme.lower() != "bearer"))


def is_of_this_site(connection: HTTPConnection[Any]) -> bool:
    """Whether no browser says that a page of another site asks: its visitors may sit in a trusted network."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
    try:
        return urlsplit(origin).netloc == connection.headers.get("host")
    except ValueError:
        return False


async def count_patiently(request: Request[Any], identity: Identity, submits: bool) -> Charge:
    """Count a request. A program that only looks, and looks too often, waits for its turn: none of these programs knows
    what 429 is. Raises Refusal, for one that submits, or waits too long."""
    left_s: float = 0.0 if submits else request.state.services.timings.native_turn_s
    while True:
        try:
            return await count(request, identity, submits)
        except Refusal as refusal:
            if refusal.code != Code.RATE_LIMITED or left_s <= 0:
                raise
            wait_s = min(refusal.facts["retry_after_s"], left_s)
        left_s -= wait_s
        await asyncio.sleep(wait_s)


DOOR = Door(known_caller, count_patiently, settle)
