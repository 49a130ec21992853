"""One process: the event loop serves, a thread runs prompts, and a signal ends both at once."""

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable

from aiohttp import web

from deploy.simulator.app import create_app
from deploy.simulator.faults.hazards import process_leaver
from deploy.simulator.running.simulator import Settings, build


async def serve(settings: Settings, host: str, port: int, clean_up: Callable[[], None]) -> None:
    """Serve until the process is ended; port 0 takes a free one. Prints one line when ready."""
    settings.folders.prepared()
    leave = process_leaver(clean_up)
    simulator = build(settings, leave)
    _end_on_signals(clean_up)
    runner = web.AppRunner(create_app(simulator, settings.base_path), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error.strerror}")
    simulator.worker.start()
    print(f"ComfyUI simulator listening on http://{host}:{runner.addresses[0][1]}", flush=True)
    try:
        await simulator.sockets.send_for_ever()
    except TypeError:  # A client id that cannot be looked up: the real server does not survive one either.
        traceback.print_exc()
        leave(1)


def end_with_stdin(leave: Callable[[int], None]) -> None:
    """End the process when whoever started it is gone, even by SIGKILL: then our standard input closes."""

    def watch() -> None:
        sys.stdin.buffer.read()
        leave(0)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def _end_on_signals(clean_up: Callable[[], None]) -> None:
    """End by the signal itself, without closing handshakes: sockets see 1006, as when the real server is stopped."""

    def end(number: int) -> None:
        clean_up()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
