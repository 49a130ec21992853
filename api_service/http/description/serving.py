"""A document is made when it is first asked for, and beside the requests: that takes a tenth of a second."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api_service.http.operations import PathRoute
from api_service.http.server.root_path import below_root


def document_route(path: str, document: Callable[[], Mapping[str, Any]]) -> PathRoute:
    """The route of a document of OpenAPI."""

    @cache
    def content(root: str) -> bytes:
        return json.dumps({**document(), "servers": [{"url": root or "/"}]}, ensure_ascii=False).encode()

    async def openapi(_request: Request) -> Response:
        return Response(await run_in_threadpool(content, below_root("")), media_type="application/json")

    return PathRoute(path, openapi, methods=["GET"])
