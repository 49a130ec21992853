"""Which addresses there are: what an unknown one may have meant, and what a known one takes."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import zip_longest

from starlette.routing import BaseRoute, Route, WebSocketRoute

from api_service.http.server.root_path import below_root

LONGEST_COMPARED = 200  # characters; comparing longer ones takes its time
MOST_NAMED = 3
LIKENESS = 0.7  # of 1: every address begins alike


def unknown_address(path: str, routes: Iterable[BaseRoute]) -> str:
    """A sentence for an address where nothing is, with those like it."""
    names = close_addresses(path, routes)
    meant = f"did you mean {' or '.join(names)}? " if names else ""
    return f"nothing is at this address; {meant}{all_addresses()}"


def close_addresses(path: str, routes: Iterable[BaseRoute]) -> list[str]:
    """At most three addresses like this one, the closest first, with parameters by their names."""
    if len(path) > LONGEST_COMPARED:
        return []
    wanted = path.rstrip("/")
    found = {
        filled(route.path, wanted): f"{route.path} (a WebSocket)" if isinstance(route, WebSocketRoute) else route.path
        for route in routes
        if isinstance(route, Route | WebSocketRoute)
    }
    return [below_root(found[one]) for one in get_close_matches(wanted, found, n=MOST_NAMED, cutoff=LIKENESS)]


def filled(template: str, path: str) -> str:
    """The address with the parts of this path in the place of its parameters: only the words between them compare."""
    pairs = zip_longest(template.rstrip("/").split("/"), path.split("/"))
    return "/".join(given or "" if part.startswith("{") else part for part, given in pairs if part is not None)


def wrong_method(method: str, allowed: str) -> str:
    """A sentence for an address that does not take this method, with those that it takes."""
    return f"this address takes {allowed}, and not {method}; {all_addresses()}"


def all_addresses() -> str:
    return f"{below_root('/docs')} lists all addresses"
