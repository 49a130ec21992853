"""The URL of a ComfyUI server: its address, who is let in, and what is said of it behind the URL."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator

from shared.configuration.urls.secret_urls import AsMade, SecretUrl, without_login
from shared.texts.labels import labels_of

SERVER_FORM = (
    "http://host[:port][/path][#slots=1 to 64&weight=0.01 to 100&labels=word+word&token_file=/a/file], several "
    "separated by commas"
)


LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0
MOST_SLOTS = 64
SLOTS = re.compile(r"^([1-9]|[1-5][0-9]|6[0-4])$", re.ASCII)


class Terms(NamedTuple):
    """What is said of a server beside its URL. `slots` is how many jobs it holds; one of `weight` 2 is twice as fast as
    one of 1; `labels` are what jobs may ask for."""

    slots: int
    weight: float = 1.0
    labels: Sequence[str] = ()


class ServerUrl(SecretUrl):
    """The URL of a ComfyUI server. `slots`, `weight` and `labels` are its terms, as far as they were said with it;
    `token_file` holds the token that it asks for, and `headers` are others, see `shared.fleet.credentials`."""

    slots: int | None = None
    weight: float | None = None
    labels: Sequence[str] = ()
    token_file: Path | None = None
    headers: Mapping[str, str] = {}  # never changed, only replaced

    def terms(self, slots: int) -> Terms:
        """`slots` are those of a server whose URL names none."""
        return Terms(self.slots or slots, self.weight or 1.0, self.labels)

    @property
    def name(self) -> str:
        """The URL without user and password: the server's name in rows, logs and events."""
        return without_login(self)

    @property
    def shown(self) -> str:
        user, separator, host = urlsplit(self).netloc.rpartition("@")
        name, has_password, _ = user.partition(":")
        secret = f"{name}:***" if has_password else "***"
        shown = urlsplit(self)._replace(netloc=f"{secret}@{host}" if separator else host).geturl()
        labels = "+".join(self.labels)
        options = {"slots": self.slots, "weight": self.weight, "labels": labels, "token_file": self.token_file}
        fragment = "&".join(f"{option}={value}" for option, value in options.items() if value)
        return f"{shown}#{fragment}" if fragment else shown


def server_url(text: str) -> ServerUrl:
    address, separator, fragment = text.strip().partition("#")
    parts, options = urlsplit(address), server_options(fragment) if separator else {}
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.path and is_port(parts)
    if not is_whole or parts.query:
        raise ValueError(SERVER_FORM)
    url = ServerUrl(address.rstrip("/"))
    for option, found in options.items():
        setattr(url, option, found)
    return url


def is_port(parts: SplitResult) -> bool:
    """Whether the port is one, if there is one. A password with a slash would read as a port and a path."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def server_options(fragment: str) -> dict[str, object]:
    """What is said of a server behind its URL: `slots=2&token_file=/run/secrets/gpu`."""
    options = dict(option.partition("=")[::2] for option in fragment.split("&"))
    with suppress(ValueError, KeyError):
        found = {option: OPTIONS[option](text) for option, text in options.items()}
        if None not in found.values():
            return found
    raise ValueError(SERVER_FORM)


def slots_in(text: str) -> int | None:
    return (
        int(text)
        if text.isascii() and text.isdecimal() and not text.startswith("0") and int(text[:3]) <= MOST_SLOTS
        else None
    )


def weight_in(text: str) -> float | None:
    return found if LEAST_WEIGHT <= (found := float(text[:10])) <= MOST_WEIGHT else None


def token_file_in(text: str) -> Path | None:
    return Path(text) if text.startswith("/") else None


# What may be said behind a URL, and how it is read: None, or a ValueError, where it is wrong.
OPTIONS: Mapping[str, Callable[[str], object]] = {
    "slots": slots_in,
    "weight": weight_in,
    "labels": lambda text: labels_of(text.split("+")),
    "token_file": token_file_in,
}


def comfyui_urls(value: str | tuple[ServerUrl, ...]) -> tuple[ServerUrl, ...]:
    urls = tuple(server_url(url) for url in value.split(",")) if isinstance(value, str) else value
    if len({url.name for url in urls}) != len(urls):
        raise ValueError("each server once")
    return urls


def jobs_of_all(urls: str, slots: int) -> int:
    """How many jobs all servers keep a worker busy with: one in each slot, and one of each server that is being
    stored. 1 where the variable is wrong, which is said elsewhere."""
    try:
        return sum((url.slots or slots) + 1 for url in comfyui_urls(urls))
    except ValueError:
        return 1


ComfyUIUrls = Annotated[tuple[ServerUrl, ...], AsMade, BeforeValidator(comfyui_urls)]
