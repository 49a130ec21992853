"""The URL of a ComfyUI server: its address, who is let in, how many slots it has, and where its token is."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator

from shared.configuration.types import AsMade, SecretUrl

SLOTS = re.compile(r"^([1-9]|[1-5][0-9]|6[0-4])$", re.ASCII)
SERVER_FORM = "http://host[:port][/path][#slots=1 to 64&token_file=/a/file], several separated by commas"


class ServerUrl(SecretUrl):
    """The URL of a ComfyUI server. `slots` is how many jobs it holds, if that was said with it; `token_file` holds the
    token that it asks for, see `shared.configuration.credentials`."""

    slots: int | None = None
    token_file: Path | None = None

    @property
    def name(self) -> str:
        """The URL without user and password: the server's name in rows, logs and events."""
        parts = urlsplit(self)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def shown(self) -> str:
        user, separator, host = urlsplit(self).netloc.rpartition("@")
        name, has_password, _ = user.partition(":")
        secret = f"{name}:***" if has_password else "***"
        shown = urlsplit(self)._replace(netloc=f"{secret}@{host}" if separator else host).geturl()
        options = {"slots": self.slots, "token_file": self.token_file}
        fragment = "&".join(f"{option}={value}" for option, value in options.items() if value)
        return f"{shown}#{fragment}" if fragment else shown


def server_url(text: str) -> ServerUrl:
    address, separator, fragment = text.strip().partition("#")
    parts, options = urlsplit(address), server_options(fragment) if separator else {}
    is_whole = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.path and is_port(parts)
    if not is_whole or parts.query:
        raise ValueError(SERVER_FORM)
    url = ServerUrl(address.rstrip("/"))
    url.slots = int(options["slots"]) if "slots" in options else None
    url.token_file = Path(options["token_file"]) if "token_file" in options else None
    return url


def is_port(parts: SplitResult) -> bool:
    """Whether the port is one, if there is one. A password with a slash would read as a port and a path."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def server_options(fragment: str) -> dict[str, str]:
    """What is said of a server behind its URL: `slots=2&token_file=/run/secrets/gpu`."""
    options = dict(option.partition("=")[::2] for option in fragment.split("&"))
    slots, token_file = options.get("slots", "1"), options.get("token_file", "/")
    if not options.keys() <= {"slots", "token_file"} or not SLOTS.match(slots) or not token_file.startswith("/"):
        raise ValueError(SERVER_FORM)
    return options


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
