"""What proves to a ComfyUI server that we may call it: user and password from its URL, a token from a file, or headers.

The file holds a token, which is sent as `Authorization: Bearer`, or a header of another name: `X-API-Key: abc`.
"""

import re
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.configuration.server_urls import ServerUrl
from shared.texts.reasons import reason_of

HEADER_NAME = re.compile(r"^[A-Za-z0-9-]{1,64}$", re.ASCII)
LONGEST_TOKEN = 8192  # characters; servers refuse longer headers


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
        with token_file.open("rb") as file:
            line = file.read(LONGEST_TOKEN + 2).decode("ascii").strip()
    except OSError as error:
        raise NoToken(f"its token_file cannot be read: {reason_of(error)}") from None
    except UnicodeDecodeError:
        raise NoToken("its token_file holds other characters than ASCII") from None
    if not line or len(line) > LONGEST_TOKEN or not line.isprintable():
        raise NoToken(f"its token_file does not hold one line of at most {LONGEST_TOKEN} characters")
    name, separator, value = line.partition(": ")
    return {name: value.strip()} if separator and HEADER_NAME.match(name) else {"Authorization": f"Bearer {line}"}
