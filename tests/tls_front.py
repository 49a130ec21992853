"""TLS in front of a server that has none: the servers of the tests are built without."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.certificates import Certificate

# How a client of PostgreSQL asks for TLS, before it begins with it.
SSL_REQUEST = bytes.fromhex("0000000804d2162f")
PIECE = 65_536


@contextmanager
def tls_front(port: int, certificate: Certificate, *, is_postgresql: bool = False) -> Iterator[int]:
    """The port of 127.0.0.1 that passes on, without TLS, what comes with it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):  # closed
                while True:
                    plain, _ = server.accept()
                    threading.Thread(target=serve, args=[plain], daemon=True).start()

        def serve(plain: socket.socket) -> None:
            with suppress(OSError), plain:
                if is_postgresql:
                    asked = plain.recv(len(SSL_REQUEST), socket.MSG_WAITALL)
                    plain.sendall(b"S" if asked == SSL_REQUEST else b"N")
                with (
                    context.wrap_socket(plain, server_side=True) as secured,
                    socket.create_connection(("127.0.0.1", port)) as behind,
                ):
                    back = threading.Thread(target=pass_on, args=[behind, secured], daemon=True)
                    back.start()
                    pass_on(secured, behind)
                    back.join()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Until the source has ended, or one of the two is gone."""
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
