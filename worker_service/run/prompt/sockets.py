"""One socket a server and process for what it sends; and for prompts that it adopts, one under their sender's id.

ComfyUI tells of a prompt only to the client that sent it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid5

from shared.jobs.attempts import Sender
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.progress import Listener, ProgressSocket

OF_WORKERS = UUID("5f0d5a1e-6f0b-4d43-9d3c-0a7f1c2e8b11")


def client_id_of(worker_id: str) -> str:
    """The client id of all that a worker sends: whoever knows its name can listen in its place."""
    return str(uuid5(OF_WORKERS, worker_id))


@dataclass
class Adopted:
    """The socket of another worker's prompts, and how many of them are listened to."""

    socket: ProgressSocket
    prompts: int = 0


class Sockets:
    """The sockets of this process. Own ones stay open; each adopted one is closed after the last of its prompts."""

    def __init__(self, worker_id: str) -> None:
        self.client_id = client_id_of(worker_id)
        self.lock = threading.Lock()  # never held while anything waits
        self.own: dict[str, ProgressSocket] = {}
        self.adopting = threading.Lock()  # held until a socket is closed: the next one has the same client id
        self.adopted: dict[tuple[str, str], Adopted] = {}
        self.is_closed = False

    @contextmanager
    def listening(
        self, client: ComfyUIClient, prompt_id: str, sender: Sender | None, listener: Listener
    ) -> Iterator[ProgressSocket]:
        """While the block runs, the listener hears of the prompt. `sender` has sent it; None: this process."""
        if sender is None or client_id_of(sender.worker_id) == self.client_id:
            socket = self.own_of(client)
            with socket.listening(prompt_id, listener):
                yield socket
            return
        with self.borrowed(client, sender) as socket, socket.listening(prompt_id, listener):
            yield socket

    def own_of(self, client: ComfyUIClient) -> ProgressSocket:
        """The socket on which this process hears of what it sends there."""
        with self.lock:
            if client.name not in self.own:
                self.own[client.name] = self.new(client, self.client_id)
            socket = self.own[client.name]
        socket.open()
        return socket

    @contextmanager
    def borrowed(self, client: ComfyUIClient, sender: Sender) -> Iterator[ProgressSocket]:
        """A socket under the client id of the sender. One that may live still listens under that id itself: its place
        is taken only if nothing is heard of the prompt though it runs."""
        key = client.name, client_id_of(sender.worker_id)
        with self.adopting:
            if key not in self.adopted:
                self.adopted[key] = Adopted(self.new(client, key[1]))
            adopted = self.adopted[key]
            adopted.prompts += 1
        if sender.is_gone:
            adopted.socket.open()
        try:
            yield adopted.socket
        finally:
            with self.adopting:
                adopted.prompts -= 1
                if not adopted.prompts:
                    del self.adopted[key]
                    adopted.socket.close()

    def look(self, prompt_id: str) -> None:
        """Somebody says that the prompt has ended: have whoever listens to it here look, whatever its socket does."""
        with self.lock:
            sockets = list(self.own.values())
        # Not under `adopting`: that is held while sockets close, and this thread hears of cancels too.
        sockets += [adopted.socket for adopted in list(self.adopted.values())]
        for socket in sockets:
            socket.told(prompt_id)

    def new(self, client: ComfyUIClient, client_id: str) -> ProgressSocket:
        socket = ProgressSocket(client.url, client_id, client.socket_health, client.tls)
        if self.is_closed:
            socket.tell_to_close()
        return socket

    def forget(self, server: str) -> None:
        """Close the one to a server that this worker has no more."""
        with self.lock:
            socket = self.own.pop(server, None)
        if socket:
            socket.close()

    def close(self) -> None:
        """Close them all at once. Before jobs are released: their next workers listen under the same ids."""
        self.is_closed = True
        with self.lock, self.adopting:
            sockets = [*self.own.values(), *(adopted.socket for adopted in self.adopted.values())]
        for socket in sockets:
            socket.tell_to_close()
        for socket in sockets:
            socket.close()
