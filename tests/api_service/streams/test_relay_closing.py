"""What the relay opened is closed when the service ends, whatever its watchers are doing meanwhile."""

import gc
import threading
import warnings
from collections.abc import Sequence

import anyio.to_thread
import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.api_service.conftest import bearer
from tests.jobs import running

pytestmark = pytest.mark.system

TIMES = 10


def test_watchers_that_leave_while_the_service_ends_leave_no_connection(
    settings: Settings, key: str, messenger: Messenger
) -> None:
    job_id = running(messenger).job.id
    paths = ("/ws/jobs", f"/ws/jobs/{job_id}?previews=1", f"/ws/jobs?job_ids={job_id}", f"/ws/jobs/{job_id}")
    gc.collect()  # what other tests have left is not ours
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        for number in range(TIMES):
            with ClientOfLeavers(create_app(settings), headers=bearer(key)) as client:
                sockets = [client.websocket_connect(path) for path in paths]
                for position, socket in enumerate(sockets):
                    socket.__enter__()
                    if (number + position) % 2:  # the others are still to be told their snapshot
                        socket.receive_json()
                client.leaving = [threading.Thread(target=leave, args=[socket]) for socket in sockets]
                for thread in client.leaving:
                    thread.start()
            gc.collect()
    assert not [str(one.message) for one in caught]


class ClientOfLeavers(TestClient):
    """Once the service has ended, its loop goes on until all have left: none can leave a loop that has ended."""

    leaving: Sequence[threading.Thread] = ()

    async def wait_shutdown(self) -> None:
        await super().wait_shutdown()
        for thread in self.leaving:
            await anyio.to_thread.run_sync(thread.join)


def leave(socket: WebSocketTestSession) -> None:
    socket.__exit__(None, None, None)
