"""The API on a socket of its own, in this process, with a server as its command starts one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api_service.main import create_app
from shared.configuration.settings import Settings

STOPPED_WITHIN_S = 15.0


@contextmanager
def served(settings: Settings) -> Iterator[int]:
    """The port it listens on, for as long as the block lasts."""
    config = uvicorn.Config(create_app(settings), log_config=None, ws="websockets-sansio", server_header=False)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(STOPPED_WITHIN_S)
        listening.close()
    assert not thread.is_alive()
