"""`python -m api_service`: the API under uvicorn, on API_HOST and API_PORT."""

import argparse

from shared.imports import importing

with importing():
    from api_service.http.server.serving import serve
    from api_service.main import DEFAULT_TIMINGS, app
    from shared.configuration.settings import settings_or_exit


def main() -> None:
    argparse.ArgumentParser(prog="python -m api_service", description=__doc__).parse_args()
    serve(settings_or_exit(are_read_again=True), app, ping_interval_s=DEFAULT_TIMINGS.ping_interval_s)


if __name__ == "__main__":
    main()
