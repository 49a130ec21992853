"""Where the pages are, and where a browser signs in."""

from typing import Any

from pydantic import BaseModel
from starlette.routing import BaseRoute, Route

from api_service.doors.binding import DOOR
from api_service.doors.pages import files, session
from api_service.doors.pages.session import SessionView, SignInBody
from api_service.http.operations import routes_of

PAGES = ("/studio", "/gallery", "/dashboard", "/sign-in")

OPERATIONS = session.OPERATIONS

ROUTES: tuple[BaseRoute, ...] = (
    *(Route(path, files.page, methods=["GET"]) for path in PAGES),
    *(Route(f"{path}/", files.without_slash, methods=["GET"]) for path in PAGES),
    Route("/pages/{name:path}", files.part, methods=["GET"]),
    *routes_of(OPERATIONS, DOOR),
)

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    SignInBody: {"with a link": {"code": "0f9c..."}, "with a key": {"key": "gn_k3x0q2m9a1zb_..."}},
    SessionView: {"signed in": {"user": "anna", "is_admin": False, "scopes": ["jobs:read", "jobs:write"]}},
}
