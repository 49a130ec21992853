"""Where a request may carry its key."""

from starlette.datastructures import Headers


def authorization_in(headers: Headers) -> str | None:
    """The Authorization header; where there is none, what X-API-Key says in its form."""
    if (authorization := headers.get("authorization")) is not None:
        return authorization
    key = headers.get("x-api-key")
    return None if key is None else f"Bearer {key}"
