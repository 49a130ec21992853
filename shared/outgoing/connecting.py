"""A connection to where a name leads, if every address it leads to is public: looked up once, and then kept to.

Whoever owns a name can have it lead somewhere else the next time. So the addresses that were checked are the very ones
that are connected to, and the name is only said: in the TLS handshake, whose certificate must have it, and in `Host`.
"""

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Sequence

from shared.outgoing.addresses import address_in, is_public
from shared.outgoing.allowed import Allowed
from shared.outgoing.deadline import Deadline
from shared.outgoing.destination import Destination
from shared.outgoing.failures import NoAnswer, NotAllowed

MOST_TRIED = 4  # addresses of one name
EACH_WITHIN_S = 10.0

Resolve = Callable[[str, int], Sequence[str]]  # name and port; the addresses, raises OSError


def resolved_here(host: str, port: int) -> list[str]:
    """The addresses that this machine finds for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def addresses_of(destination: Destination, allowed: Allowed, resolve: Resolve, deadline: Deadline) -> list[str]:
    """The addresses to connect to. Raises NotAllowed, NoAnswer.

    That a name is unknown and that it leads into a network of ours is the same to whoever asks.
    """
    found = looked_up(destination, resolve, deadline)
    is_allowed = allowed.has_name(destination.host)
    for text in found:
        address = address_in(text)
        if address is None or not (is_allowed or is_public(address) or allowed.has_address(address)):
            raise NotAllowed("must have a host with public addresses only")
    if not found:
        raise NotAllowed("must have a host with public addresses only")
    return found[:MOST_TRIED]


def looked_up(destination: Destination, resolve: Resolve, deadline: Deadline) -> list[str]:
    """What the name leads to. The system's own look-up knows no bound, so it gets a thread that is not waited for."""
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(list(resolve(destination.host, destination.port)))
        except (OSError, UnicodeError):
            answers.put([])

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    while True:
        try:
            return answers.get(timeout=deadline.next_wait_s())
        except queue.Empty:
            continue


def connected(
    addresses: Sequence[str], destination: Destination, tls: ssl.SSLContext | None, deadline: Deadline
) -> socket.socket:
    """A connection to the first of the addresses that takes one, encrypted where there is `tls`. Raises NoAnswer."""
    for address in addresses:
        try:
            plain = socket.create_connection((address, destination.port), min(EACH_WITHIN_S, deadline.left_s()))
        except OSError:
            continue
        try:
            return encrypted(plain, destination.host, tls) if tls else plain
        except BaseException:
            plain.close()
            raise
    raise NoAnswer("could not be connected to")


def encrypted(plain: socket.socket, name: str, tls: ssl.SSLContext) -> socket.socket:
    try:
        return tls.wrap_socket(plain, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        raise NoAnswer(f"has a certificate that does not hold: {error.verify_message}") from error
    except OSError as error:
        raise NoAnswer("could not be connected to by TLS") from error
