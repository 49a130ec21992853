"""Answers that are not what the handler gave: another one, one of many megabytes, or one that takes its time."""

import asyncio
import zlib

from aiohttp import web
from aiohttp.typedefs import Handler

from deploy.simulator.faults.fault_book import FaultBook

MIB = 1 << 20
WBITS_OF_GZIP = 31


async def tampered(request: web.Request, faults: FaultBook, handler: Handler) -> web.StreamResponse:
    """What the handler answers, unless a fault has something else in mind."""
    path = request.path
    guard = faults.strike("guard")
    if guard and request.headers.get(guard.details["header"]) != guard.details["value"]:
        return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
    if fault := faults.strike("answer", path=path):
        body, kind = fault.details["body"], fault.details["content_type"]
        return web.Response(status=fault.details["status"], text=body, content_type=kind)
    response = await handler(request)
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if fault := faults.strike("gzip_bomb", path=path):
        return await _inflated(request, response.body, fault.details["megabytes"])
    if fault := faults.strike("trickle", path=path):
        return await _trickled(request, response, fault.details["seconds"], fault.details["chunks"])
    return response


async def _inflated(request: web.Request, body: bytes, megabytes: int) -> web.StreamResponse:
    """The same JSON after a number of megabytes of blanks, which take next to nothing on the way."""
    answer = web.StreamResponse(headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    await answer.prepare(request)
    packer = zlib.compressobj(wbits=WBITS_OF_GZIP)
    for _ in range(megabytes):
        await answer.write(await asyncio.to_thread(packer.compress, b" " * MIB))
    await answer.write(packer.compress(body) + packer.flush())
    return answer


async def _trickled(request: web.Request, whole: web.Response, seconds: float, chunks: int) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    answer = web.StreamResponse(status=whole.status, headers={"Content-Type": whole.content_type})
    answer.content_length = len(body)
    await answer.prepare(request)
    size = len(body) // chunks + 1
    for start in range(0, len(body), size):
        await answer.write(body[start : start + size])
        await asyncio.sleep(seconds / chunks)
    return answer
