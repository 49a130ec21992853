"""Where a URL that a user has given leads: its parts, if a request of ours may go there by what it says."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from shared.outgoing.addresses import address_in, is_public
from shared.outgoing.allowed import Allowed
from shared.outgoing.failures import NotAllowed

LONGEST_URL = 2048  # characters
PORTS = {"https": 443, "http": 80}
PUBLIC_PORTS = frozenset({443, 8443})  # of hosts that are not allowed by name or network
HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,30}\.?")
KEPT = "%/:?#[]@!$&'()*+,;=~-._"  # in a path and its parameters; everything else is percent-encoded


@dataclass(frozen=True)
class Destination:
    """A URL's parts. `host` is in lower case, as ASCII; `target` is the path with its parameters."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def destination_of(url: str, allowed: Allowed) -> Destination:
    """Where the URL leads. Raises NotAllowed, with what to do about it."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        raise NotAllowed(f"must be a URL of at most {LONGEST_URL} characters without blanks and backslashes")
    try:
        parts = urlsplit(url)
        scheme, name, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise NotAllowed("is no URL") from None
    if scheme not in PORTS or not name:
        raise NotAllowed("must begin with https:// and a host")
    if "@" in parts.netloc:
        raise NotAllowed("must have no user and no password in it")
    host = ascii_host(name)
    destination = Destination(scheme, host, PORTS[scheme] if port is None else port, target_of(parts.path, parts.query))
    if not is_ours(host, allowed):
        refuse_what_only_ours_may(destination)
    return destination


def ascii_host(name: str) -> str:
    if address_in(name) is not None and "%" not in name:
        return name
    try:
        host = name.encode("idna").decode().lower()
    except UnicodeError:
        host = ""
    if not HOST.fullmatch(host):
        raise NotAllowed("names a host that can be none")
    return host.rstrip(".")


def target_of(path: str, query: str) -> str:
    target = quote(path or "/", safe=KEPT)
    return f"{target}?{quote(query, safe=KEPT)}" if query else target


def is_ours(host: str, allowed: Allowed) -> bool:
    """Whether the operator has allowed the host by its name, or by the address that it is."""
    address = address_in(host)
    return allowed.has_name(host) if address is None else allowed.has_address(address)


def refuse_what_only_ours_may(destination: Destination) -> None:
    if not destination.is_encrypted:
        raise NotAllowed("must begin with https://")
    if destination.port not in PUBLIC_PORTS:
        ports = " or ".join(map(str, sorted(PUBLIC_PORTS)))
        raise NotAllowed(f"must have the port {ports}")
    address = address_in(destination.host)
    if address is not None and not is_public(address):  # what a name leads to shows when it is looked up
        raise NotAllowed("must have a host with public addresses only")
