"""Trusted networks as a variable names them: `10.0.0.0/8=anna`, several separated by commas."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from shared.configuration.types import Accepts

FORM = "networks, each with the name of a user, such as 192.168.1.0/24=anna, separated by commas, or none"
MOST = 100
LONGEST_USER = 255


class TrustedNetwork(NamedTuple):
    """Whoever asks from this network is this user."""

    network: IPv4Network | IPv6Network
    user: str

    def __str__(self) -> str:
        return f"{self.network}={self.user}"


def trusted_networks(value: str | tuple[TrustedNetwork, ...]) -> tuple[TrustedNetwork, ...]:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none":
        return ()
    found = tuple(map(trusted_network, value.split(",")))
    if len(found) > MOST:
        raise ValueError(FORM)
    return found


def trusted_network(text: str) -> TrustedNetwork:
    network, _, user = (part.strip() for part in text.partition("="))
    if not 0 < len(user) <= LONGEST_USER:
        raise ValueError(FORM)
    try:
        return TrustedNetwork(ip_network(network), user)
    except ValueError:
        raise ValueError(FORM) from None


TrustedNetworks = Annotated[tuple[TrustedNetwork, ...], BeforeValidator(trusted_networks), Accepts(FORM)]
