"""`python -m tests.api_service.guarded_api`: the API as its command starts it, patient for tenths of a second only.

It has GUARDED_PLACES places for connections.
"""

import os
from functools import partial

from api_service.http.server.connections import Bounds, Doorway, Guard, Places
from api_service.http.server.serving import serve
from api_service.main import app
from shared.configuration.settings import settings_or_exit
from tests.api_service.quick_api import SERVED

BOUNDS = Bounds(head_s=0.5, body_s=0.5, idle_s=0.5, stalled_s=0.5, linger_s=0.5)
PATIENT = Bounds(head_s=60, pause_s=0.5)


def guard_with(places: int, *, patiently: bool = False) -> Guard:
    return Guard(PATIENT if patiently else BOUNDS, Doorway(Places(places, 8)))


if __name__ == "__main__":
    guard = guard_with(int(os.environ["GUARDED_PLACES"]))
    serve(
        settings_or_exit(are_read_again=True), partial(app, SERVED), ping_interval_s=SERVED.ping_interval_s, guard=guard
    )
