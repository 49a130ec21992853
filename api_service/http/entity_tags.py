"""What `If-None-Match` says (RFC 9110, 13.1.2): which answers the client has already."""

from typing import Any

from starlette.requests import Request


def tags_in(request: Request[Any]) -> list[str]:
    """The tags that the client names, each in its quotes; or `*`."""
    given = ",".join(request.headers.getlist("if-none-match")).split(",")
    return [tag for one in given if (tag := one.strip().removeprefix("W/"))]


def has_it(request: Request[Any], tag: str) -> bool:
    """Whether the client has the answer with this tag."""
    given = tags_in(request)
    return tag in given or given == ["*"]
