"""Work for a client ends once that has gone."""

import anyio
from starlette.types import Receive


async def stop_when_hung_up(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel the work for a client once it has gone. Messages it sends are ignored."""
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass
    scope.cancel()
