"""A request reaches the route that it would reach if all were tried in turn, after a few tries."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from api_service.http.server.narrow_router import NarrowRouter, by_beginning, near
from api_service.routes import ROUTES

TABLE = by_beginning(ROUTES)
VALUES = ("7", "bulk", "stats", "a.png", "~")


def paths() -> Iterator[str]:
    """Addresses of all routes, with several values in them, in both forms; and some that are none."""
    for route in ROUTES:
        path: str = getattr(route, "path", "/")
        for value in VALUES:
            filled = path
            while "{" in filled:
                before, _, rest = filled.partition("{")
                filled = f"{before}{value}{rest.partition('}')[2]}"
            yield from (filled, f"{filled.rstrip('/')}/", filled.rstrip("/"), f"{filled}/more", f"/{filled}")
    yield from (
        "/",
        "",
        "//",
        "/nowhere",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v9/x",
        "/API/v1/generation-jobs",
    )


def scope_of(path: str, kind: str, method: str) -> dict[str, Any]:
    return {"type": kind, "path": path, "method": method, "headers": [], "root_path": "", "query_string": b""}


@pytest.mark.parametrize(("kind", "method"), [("http", "GET"), ("http", "DELETE"), ("http", "PUT"), ("websocket", "")])
def test_the_near_routes_have_all_that_match(kind: str, method: str) -> None:
    for path in set(paths()):
        scope = scope_of(path, kind, method)
        matching = [route for route in ROUTES if route.matches(dict(scope))[0] is not Match.NONE]
        found = near(TABLE, path)
        assert [route for route in found if route.matches(dict(scope))[0] is not Match.NONE] == matching, path


def test_a_request_tries_few_of_many() -> None:
    assert len(ROUTES) > 100
    for path in ("/history/7", "/api/v1/generation-jobs/7", "/prompt", "/api/history/7", "/queue"):
        assert len(near(TABLE, path)) <= 25, path


async def says(request: Request) -> Response:
    return PlainTextResponse(f"{request.scope['route'].path} {sorted(request.path_params.items())}")


async def hears(socket: Any) -> None:
    await socket.accept()
    await socket.close()


OWN: list[BaseRoute] = [
    Route("/a/b", says, methods=["GET"]),
    Route("/a/{x}", says, methods=["POST"]),
    Mount("/files", routes=[Route("/{name}", says)]),
    Route("/{any}", says),
    Route("/{deep:path}", says),
    WebSocketRoute("/a/{x}", hears),
]


def test_it_answers_as_starlette_does() -> None:
    app, plain = Starlette(), Starlette(routes=OWN)
    app.router = NarrowRouter(OWN)
    plain.router.redirect_slashes = False
    with TestClient(app) as narrow, TestClient(plain) as straight:
        for path in ("/a/b", "/a/c", "/a", "/files/x", "/files/x/y", "/files", "/x", "/x/y/z", "/", "/a/b/"):
            for method in ("GET", "HEAD", "POST", "DELETE"):
                ours, theirs = narrow.request(method, path), straight.request(method, path)
                assert (ours.status_code, ours.text, ours.headers) == (theirs.status_code, theirs.text, theirs.headers)
        with narrow.websocket_connect("/a/c") as socket:
            assert socket.receive()["type"] == "websocket.close"


def test_a_route_that_is_added_later_is_found() -> None:
    app = Starlette()
    app.router = NarrowRouter([Route("/a", says)])
    app.router.routes.append(Route("/late", says))
    with TestClient(app) as client:
        assert client.get("/late").text == "/late []"
        assert client.get("/never").status_code == 404
