"""`python -m tests.api_service.guarded_api`: the API as its command starts it, patient for tenths of a second only.

It has GUARDED_PLACES places for connections, and waits for GUARDED_BODY_S seconds for a body of somebody it does not
know: half of one, where that is not set.
"""

import os
from dataclasses import replace
from functools import partial

from api_service.http.server.connections import Bounds, Doorway, Guard, Places
from api_service.http.server.serving import serve
from api_service.main import app
from shared.configuration.settings import settings_or_exit
from tests.api_service.quick_api import SERVED

BOUNDS = Bounds(head_s=0.5, body_s=0.5, idle_s=0.5, stalled_s=0.5, linger_s=0.5)
PATIENT = Bounds(head_s=60, pause_s=0.5)


def guard_with(places: int, bounds: Bounds = BOUNDS) -> Guard:
    return Guard(bounds, Doorway(Places(places, 8)))


if __name__ == "__main__":
    body_s = float(os.environ.get("GUARDED_BODY_S", BOUNDS.body_s))
    guard = guard_with(int(os.environ["GUARDED_PLACES"]), replace(BOUNDS, body_s=body_s))
    serve(
        settings_or_exit(are_read_again=True), partial(app, SERVED), ping_interval_s=SERVED.ping_interval_s, guard=guard
    )
