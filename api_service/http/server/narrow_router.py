"""A request tries the routes that share the beginning of its path, and not all of them in turn."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from starlette.routing import BaseRoute, Match, Router
from starlette.types import Lifespan, Receive, Scope, Send

DEPTH = 3  # segments that are looked at: `/api/v1/generation-jobs` has most routes that share their first two

Beginning = tuple[str, ...]


class NarrowRouter(Router):
    """Gives a request to the route that Starlette's own router gives it to. What none of the near ones takes is left to
    that one: it looks at all routes, also at those that were added since, and knows how to say that there is none."""

    def __init__(self, routes: Sequence[BaseRoute], lifespan: Lifespan[Any] | None = None) -> None:
        # Each route takes both forms of an address: a redirect would lose bodies.
        super().__init__(routes, lifespan=lifespan, redirect_slashes=False)
        self.by_beginning = by_beginning(self.routes)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await super().app(scope, receive, send)
        for route in near(self.by_beginning, scope["path"]):
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update({"router": self, "route": route, **found})
                return await route.handle(scope, receive, send)
        return await super().app(scope, receive, send)


def near(table: Mapping[Beginning, Sequence[BaseRoute]], path: str) -> Sequence[BaseRoute]:
    """The routes that can match the path, in their order."""
    beginning = segments(path)
    while beginning not in table and beginning:
        beginning = beginning[:-1]
    return table.get(beginning, ())


def by_beginning(routes: Sequence[BaseRoute]) -> Mapping[Beginning, Sequence[BaseRoute]]:
    """For each beginning of a route, those that a path can match which goes on from there in no way that is known:
    these begin with it, or with less."""
    places: dict[Beginning, list[int]] = {}
    for place, route in enumerate(routes):
        places.setdefault(literal(route), []).append(place)
    known = {less for beginning in places for less in lesser(beginning)}
    return {
        beginning: [routes[place] for place in sorted(chain(*(places.get(less, ()) for less in lesser(beginning))))]
        for beginning in known
    }


def lesser(beginning: Beginning) -> Iterable[Beginning]:
    """It, and all that it begins with."""
    return (beginning[:length] for length in range(len(beginning) + 1))


def literal(route: BaseRoute) -> Beginning:
    """The segments that each path of the route begins with."""
    path: str = getattr(route, "path", "")
    return segments(path.partition("{")[0].rpartition("/")[0] if "{" in path else path)


def segments(path: str) -> Beginning:
    """The first segments of a path. A slash at its end makes none."""
    return tuple(path.strip("/").split("/", DEPTH)[:DEPTH]) if path.strip("/") else ()
