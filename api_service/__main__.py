"""`python -m api_service`: the API under uvicorn, on API_HOST and API_PORT."""

import argparse

import uvicorn

from shared.settings import settings_or_exit


def main() -> None:
    argparse.ArgumentParser(prog="python -m api_service", description=__doc__).parse_args()
    settings = settings_or_exit()
    uvicorn.run(
        "api_service.main:app",
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
