"""What this is, for people and for programs: `/`, `/openapi.json`, and Swagger UI at `/docs` from our own files."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from api_service.http.description.serving import document_route
from api_service.http.operations import PathRoute
from api_service.http.server.root_path import below_root
from shared.version import VERSION

PAGES = Path(__file__).parent / "pages"
# Swagger UI makes its styles and icons as it goes, and shows a downloaded picture; scripts come from here alone.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'"
FRONT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
MEDIA_TYPES = {".html": "text/html", ".js": "text/javascript"}
ADDRESSES = {"studio": "/studio", "docs": "/docs", "openapi": "/openapi.json", "ready": "/health/ready"}


async def front(request: Request) -> Response:
    """Where to go from here: a page for a browser, JSON for others."""
    if "text/html" in request.headers.get("accept", ""):
        return filled("front.html", {"Content-Security-Policy": FRONT_POLICY, "Vary": "Accept"})
    addresses = {name: below_root(address) for name, address in ADDRESSES.items()}
    return JSONResponse({"service": "Genonaut Generation", "version": VERSION, **addresses}, headers={"Vary": "Accept"})


def filled(name: str, headers: Mapping[str, str] | None = None) -> Response:
    """A file of these pages, with its addresses as this client reaches them."""
    text = (PAGES / name).read_text().replace("{{root}}", below_root(""))
    return Response(text, media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


def routes(document: Callable[[], Mapping[str, Any]]) -> list[BaseRoute]:
    """The routes that show this document."""

    async def page(_request: Request) -> Response:
        return filled("docs.html", {"Content-Security-Policy": POLICY})

    async def script(_request: Request) -> Response:
        return filled("docs.js")

    return [
        Route("/", front, methods=["GET"]),
        document_route("/openapi.json", document),
        PathRoute("/docs", page, methods=["GET"]),
        Route("/docs/page.js", script, methods=["GET"]),
        Mount("/docs/static", StaticFiles(directory=swagger_ui_files())),
    ]


def swagger_ui_files() -> Path:
    """Swagger UI's own files, as the package swagger-ui-py has them; the package itself is not imported."""
    found = importlib.util.find_spec("swagger_ui")
    assert found is not None, "swagger-ui-py is one of the API's dependencies"
    assert found.submodule_search_locations, "swagger-ui-py is a package with files"
    return Path(found.submodule_search_locations[0]) / "static"
