"""What happens to a request before its handler sees it: faults, preflights, and strangers' origins."""

import asyncio
import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.endpoints.tampering import tampered


@web.middleware
async def meet_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The control surface itself is never slow and never hangs."""
    if request.path.startswith("/simulator/"):
        return await handler(request)
    faults, path = request.app[SIMULATOR].faults, request.path
    request.app[SIMULATOR].counter.requests[f"{request.method} {_kind(path)}"] += 1
    if fault := faults.strike("latency", path=path):
        await asyncio.sleep(fault.details["seconds"])
    if fault := faults.strike("hang_http", holds=True, path=path):
        await fault.freed.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
    return await tampered(request, faults, handler)


def _kind(path: str) -> str:
    """The path without the id that it may end with."""
    return "/" + path.removeprefix("/api").split("/")[1]


@web.middleware
async def answer_preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.Response() if request.method == "OPTIONS" else await handler(request)


@web.middleware
async def keep_strangers_out(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Only a loopback host is guarded, and only against a browser that says it comes from elsewhere."""
    origin, host = request.headers.get("Origin"), request.headers.get("Host")
    if origin is not None and host is not None and _is_foreign(origin.lower(), host.lower()):
        return web.Response(status=403)
    return await handler(request)


def _is_foreign(origin: str, host: str) -> bool:
    ours, theirs = urlsplit(f"//{host}"), urlsplit(origin)
    if not theirs.netloc or not _is_loopback(ours.hostname):
        return False
    if ours.hostname != theirs.hostname:
        return True
    return ours.port is not None and theirs.port is not None and ours.port != theirs.port


def _is_loopback(hostname: str | None) -> bool:
    try:
        return ipaddress.ip_address(hostname or "").is_loopback
    except ValueError:
        return hostname == "localhost"
