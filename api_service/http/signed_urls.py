"""Where a file is, as a URL that works without a key: absolute, signed, and for a while.

Where PUBLIC_URL is not set, the host is the one that the request named. A forged one harms nobody: the answer goes to
whoever forged it, the signature is bound to the path and not to the host, and no URL is stored.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from api_service.accounts.identity import Identity
from api_service.accounts.url_signing import Signer, UrlSigning
from api_service.http.server.root_path import below_root
from api_service.http.streams.stream_tickets import refuse_keys
from api_service.refusals.accounts import unauthenticated

HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
OF_THE_SIGNATURE = ("expires", "signature")


class FileQuery(BaseModel):
    """What takes the place of a key in the URL of a file."""

    model_config = ConfigDict(extra="forbid")

    expires: str | None = Field(None, description="the end of a signed URL, in seconds since 1970")
    signature: str | None = Field(None, description="takes the place of a key, in a URL that an answer had")


@dataclass(frozen=True)
class SignedUrls:
    """Makes the URLs of files for one caller, which all end at `expires_at`. `base` goes before each address."""

    base: str
    signer: Signer
    key_id: str

    @property
    def expires_at(self) -> datetime:
        return self.signer.expires_at

    def url(self, address: str) -> str:
        """The URL of an address of ours, such as `/api/v1/assets/1/content`, whose parameters are sorted."""
        separator = "&" if "?" in address else "?"
        signature = self.signer.signature(address, self.key_id)
        return f"{self.base}{address}{separator}expires={self.signer.expires}&signature={signature}"


def base_of(connection: HTTPConnection[Any], public_url: str | None) -> str:
    """What goes before an address of ours; no host, where the request names none that can be one."""
    if public_url is not None:
        return public_url
    host = connection.headers.get("host", "")
    if not HOST.fullmatch(host):
        return below_root("")
    scheme = "https" if connection.scope["scheme"] in {"https", "wss"} else "http"
    return f"{scheme}://{host}{below_root('')}"


def signature_in(connection: HTTPConnection[Any]) -> tuple[str, str] | None:
    """The end and the signature of the URL; None for a request with a key, or with neither. Raises Refusal."""
    query = connection.query_params
    if "authorization" in connection.headers or not any(name in query for name in OF_THE_SIGNATURE):
        return None
    refuse_keys(query)
    expires, signature = (query.getlist(name) for name in OF_THE_SIGNATURE)
    if len(expires) != 1 or len(signature) != 1:
        raise unauthenticated("a signed URL has `expires` and `signature` once each")
    return expires[0], signature[0]


def identify_by_url(signing: UrlSigning, connection: HTTPConnection[Any], expires: str, signature: str) -> Identity:
    """By whose key this very URL was signed. Raises Refusal: unauthenticated."""
    rest = sorted(pair for pair in connection.query_params.multi_items() if pair[0] not in OF_THE_SIGNATURE)
    address = f"{connection.scope['path']}?{urlencode(rest)}" if rest else connection.scope["path"]
    return signing.identify(address, expires, signature)
