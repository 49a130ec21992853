"""What variables name in pairs: networks with their users (`10.0.0.0/8=anna`), names with their models."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from shared.configuration.types import Accepts

NETWORKS = "networks, each with the name of a user, such as 192.168.1.0/24=anna, separated by commas, or none"
MODELS = "names, each with the model that it means, such as dall-e-3=sdxl.safetensors, separated by commas, or none"
MOST = 100
LONGEST_NAME = 255


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
        raise ValueError(NETWORKS)
    return found


def trusted_network(text: str) -> TrustedNetwork:
    network, _, user = (part.strip() for part in text.partition("="))
    if not 0 < len(user) <= LONGEST_NAME:
        raise ValueError(NETWORKS)
    try:
        return TrustedNetwork(ip_network(network), user)
    except ValueError:
        raise ValueError(NETWORKS) from None


TrustedNetworks = Annotated[tuple[TrustedNetwork, ...], BeforeValidator(trusted_networks), Accepts(NETWORKS)]


class ModelAlias(NamedTuple):
    """A name that no server has, and what servers have in its place."""

    alias: str
    model: str

    def __str__(self) -> str:
        return f"{self.alias}={self.model}"


def model_aliases(value: str | tuple[ModelAlias, ...]) -> tuple[ModelAlias, ...]:
    if not isinstance(value, str):
        return value
    if value.strip().lower() in {"", "none"}:
        return ()
    found = tuple(map(model_alias, value.split(",")))
    if len(found) > MOST or len({one.alias for one in found}) < len(found):
        raise ValueError(MODELS)
    return found


def model_alias(text: str) -> ModelAlias:
    alias, _, model = (part.strip() for part in text.partition("="))
    if not (0 < len(alias) <= LONGEST_NAME and 0 < len(model) <= LONGEST_NAME):
        raise ValueError(MODELS)
    return ModelAlias(alias, model)


ModelAliases = Annotated[tuple[ModelAlias, ...], BeforeValidator(model_aliases), Accepts(MODELS)]
