"""`python -m tests.api_service.quick_api`: the API as its command starts it, with times that tests can wait for, and
its answers at `/api/v2` held to the contract."""

from dataclasses import replace

from starlette.types import ASGIApp

from api_service.http.server.serving import serve
from api_service.main import app
from api_service.streams.timings import StreamTimings
from shared.configuration.settings import settings_or_exit
from tests.api_service.comfy_v2.holding import holding

QUICK = StreamTimings(
    send_timeout_s=0.5, close_timeout_s=0.5, catch_up_s=0.2, rights_check_s=0.1, ready_kept_s=0, seen_every_s=0.1
)
# An EventSource of a test does not wait for seconds either.
SERVED = replace(QUICK, reconnect_after_ms=100)


def held_app() -> ASGIApp:
    return holding(app(SERVED))


if __name__ == "__main__":
    serve(settings_or_exit(are_read_again=True), held_app, ping_interval_s=SERVED.ping_interval_s)
