"""uvicorn, so that streams end with a reason when it stops, and clients that do not read are not kept for ever."""

import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from api_service.http.server.connections import Guard, GuardedConfig
from shared.configuration.settings import Settings

READ_WITHIN_MS = 60_000  # the kernel disconnects a client that reads nothing for this long
MOST_WAITING = 2048  # connections that the kernel keeps for us
LARGEST_MESSAGE = 65_536  # bytes; nobody needs to say anything over a WebSocket


class Server(uvicorn.Server):
    """Ends the streams first: uvicorn waits for open connections before it stops the application."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # asyncio accepts as many at a time as may wait in the kernel; more may wait there than are accepted at a time.
        for listener in sockets or ():
            listener.listen(MOST_WAITING)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        services = self.lifespan.state.get("services")
        if services is not None:
            await services.relay.stop()
        await super().shutdown(sockets)


def serve(
    settings: Settings, app: Callable[[], ASGIApp], *, ping_interval_s: float, guard: Guard | None = None
) -> None:
    """Serve the application that `app` makes until SIGTERM or SIGINT, with a ping so often on each WebSocket.

    Raises SystemExit if the address is taken or the application does not start.
    """
    config = config_of(settings, app, ping_interval_s=ping_interval_s, guard=guard or Guard())
    logging.getLogger("uvicorn.error").addFilter(without_queries)
    server = Server(config)
    # uvicorn passes SIGINT on when it is done, and there is nothing left to interrupt.
    with ExitStack() as open_sockets, suppress(KeyboardInterrupt):
        listeners = [open_sockets.enter_context(listening(config))]
        if settings.native_port is not None:
            another = uvicorn.Config(app, host=settings.api_host, port=settings.native_port, log_config=None)
            listeners.append(open_sockets.enter_context(listening(another, "NATIVE_PORT")))
        server.run(sockets=listeners)
    if not server.started:
        raise SystemExit(3)


def config_of(settings: Settings, app: Callable[[], ASGIApp], *, ping_interval_s: float, guard: Guard) -> GuardedConfig:
    """How uvicorn is to serve the application that `app` makes."""
    return GuardedConfig(
        app,
        guard,
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        ws="websockets-sansio",
        ws_ping_interval=ping_interval_s,
        ws_max_size=LARGEST_MESSAGE,
        # Events are short, and a compressor for each watcher takes more memory than all the rest of it.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


@contextmanager
def listening(config: uvicorn.Config, variable: str = "API_PORT") -> Iterator[socket.socket]:
    """The socket to listen on; the connections it accepts inherit its options."""
    with bound(config, variable) as listener:
        # asyncio does this only for sockets made with TCP's number, and uvicorn's is not. Without it the body of each
        # answer, which is written after its head, waits for the client's acknowledgement of that: 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_WITHIN_MS)
        yield listener


def bound(config: uvicorn.Config, variable: str) -> socket.socket:
    """The socket at the address of the settings. Where it cannot be had, uvicorn says why and raises SystemExit."""
    try:
        return config.bind_socket()
    except SystemExit:
        sys.stderr.write(
            f"The API cannot listen on {config.host}:{config.port}: choose another {variable} or API_HOST\n"
        )
        raise


def without_queries(record: logging.LogRecord) -> bool:
    """Whether to log it. uvicorn logs each WebSocket with its query, which holds the ticket."""
    return '"WebSocket %s"' not in str(record.msg)
