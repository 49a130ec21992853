"""What proves to a ComfyUI server that we may call it: user and password from its URL, a token from a file, or headers.

The file holds a token, which is sent as `Authorization: Bearer`, or a header of another name: `X-API-Key: abc`.
"""

import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.configuration.server_urls import ServerUrl
from shared.texts.small_files import NotRead, small_file

HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,64}$", re.ASCII)
LONGEST_TOKEN = 8192  # bytes of a file; servers refuse longer headers


class NoToken(Exception):
    """The token file of a server is of no use. The message says why, and neither where it is nor what it holds."""


def headers_for(url: ServerUrl) -> dict[str, str]:
    """The headers that the server asks for. The file is read each time, so a new token needs no restart.

    Raises NoToken.
    """
    parts, headers = urlsplit(url), dict(url.headers)
    if "@" in parts.netloc:
        headers |= basic(unquote(parts.username or ""), unquote(parts.password or ""))
    return headers if url.token_file is None else headers | header_in(url.token_file)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def header_in(token_file: Path) -> dict[str, str]:
    try:
        line = small_file(token_file, LONGEST_TOKEN).decode("ascii").strip()
    except NotRead as error:
        raise NoToken(f"its token_file {error}") from None
    except UnicodeDecodeError:
        raise NoToken("its token_file holds other characters than ASCII") from None
    if not line.isprintable() or not line:
        raise NoToken("its token_file does not hold one line")
    name, separator, value = line.partition(": ")
    return {name: value.strip()} if separator and HEADER_NAME.match(name) else {"Authorization": f"Bearer {line}"}
