"""Hosts and networks of one's own that may be asked although they are not public, as OUTGOING_ALLOW names them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from shared.outgoing.addresses import Address

NAME = re.compile(r"(?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,30}")


@dataclass(frozen=True)
class Allowed:
    """Names, `*.domains`, addresses and networks. A name that is allowed may have any address."""

    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def has_name(self, host: str) -> bool:
        """Whether the name is one of these, or below one of these domains."""
        parts = host.split(".")
        return host in self.names or any(f"*.{'.'.join(parts[at:])}" in self.names for at in range(1, len(parts)))

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)


def allowed_by(entries: Sequence[str]) -> Allowed:
    """What these entries allow. Raises ValueError for one that is neither a name, an address nor a network."""
    names, networks = set[str](), []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError:
            if not NAME.fullmatch(entry) or entry.replace(".", "").isdecimal():
                raise ValueError(entry) from None
            names.add(entry)
    return Allowed(frozenset(names), tuple(networks))
