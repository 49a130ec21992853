"""Pages of a list: every list answers `items`, and where it goes on."""

from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field
from starlette.requests import Request

from api_service.http.server.root_path import below_root

T = TypeVar("T", bound=BaseModel)

LONGEST_PAGE = 200


class PageQuery(BaseModel, frozen=True, extra="forbid"):
    """Which page: without a `cursor` the first one. A list that needs more of a cursor says so in its own query."""

    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = 50
    cursor: Annotated[str, Field(max_length=100)] | None = None


class Page(BaseModel, Generic[T], frozen=True):
    """A page of a list. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""

    items: list[T]
    next: str | None
    cursor: str | None


def next_page(request: Request[Any], cursor: str | None) -> str | None:
    """The address of the page after this one, with the parameters as this one had them."""
    if cursor is None:
        return None
    given = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{below_root(request.url.path)}?{urlencode([*given, ('cursor', cursor)])}"
