"""The API answers where clients ask it, names addresses that lead back to it, and says itself that all is well.

It is asked as a client would ask it, through whatever stands before it. What a proxy does to a path is only seen so: no
row and no variable tells of it.
"""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from deploy.doctor.looks import proxy
from shared.configuration.settings import Settings
from shared.configuration.urls.listening import reached_at
from shared.outgoing.trust import trust
from shared.version import VERSION

SUBJECT = "api"
ANSWERS_WITHIN_S = 5.0
LONGEST_ANSWER = 64 * 1024  # bytes
NAME = "Genonaut Generation"
AT_PROXY = "See that the proxy passes requests on to the API, and changes no address"


class Said(NamedTuple):
    """What an address answered: its status, and JSON if it was some."""

    status: int
    body: Any


def look(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    base = settings.public_url or f"http://{reached_at(settings.api_host)}:{settings.api_port}"
    named = "PUBLIC_URL" if settings.public_url else "API_HOST and API_PORT"
    tls = trust(settings.ca_file)
    try:
        front = asked(f"{base}/", tls)
    except OSError as error:
        found = f"none answers at {base} ({named}), as seen from here: {why(error)}"
        yield warning(SUBJECT, found, "See that it runs; run the doctor where clients' way to it is open")
        return
    if not isinstance(front.body, dict) or front.body.get("service") != NAME:
        yield trouble(
            SUBJECT, f"{base}/ ({named}) is answered with {front.status}, and not by an API of ours", AT_PROXY
        )
        return
    yield ok(SUBJECT, f"one answers at {base}")
    is_ours = front.body.get("version") == VERSION
    if not is_ours:
        found = f"it is version {front.body.get('version')}, and this is {VERSION}"
        yield warning(SUBJECT, found, "They work beside each other during an update; end it")
    yield from addresses(settings, base, front.body, tls)
    if settings.public_url and is_ours:  # what another version answers is not known here
        yield from proxy.look(base, root_in(front.body), settings.asset_max_bytes, tls)


def addresses(settings: Settings, base: str, front: dict[str, Any], tls: ssl.SSLContext | None) -> Iterator[Finding]:
    """Whether what it names leads back to it."""
    told = str(front.get("ready"))
    root = root_in(front)
    if root != settings.root_path:
        found = f"it names addresses below {root or '/'}, and ROOT_PATH is {settings.root_path or 'not set'} here"
        yield trouble(SUBJECT, found, "Start all services with the same ROOT_PATH")
    path = urlsplit(base).path
    if path and not root:
        found = f"clients reach it below {path}, and it names addresses without that, such as {told}"
        yield warning(SUBJECT, found, f"Set ROOT_PATH={path} for all services, and let the proxy change no Location")
        told = f"{path}{told}"
    try:
        ready = asked(urljoin(f"{base}/", told), tls)
    except OSError as error:
        yield trouble(SUBJECT, f"what it names does not answer ({told}): {why(error)}", AT_PROXY)
        return
    if not isinstance(ready.body, dict) or "database" not in ready.body:
        yield trouble(SUBJECT, f"what it names leads elsewhere: {told} is answered with {ready.status}", AT_PROXY)
        return
    yield from what_it_sees(ready.body)


def root_in(front: dict[str, Any]) -> str:
    """The path that its addresses have before them."""
    return str(front.get("ready")).removesuffix("/health/ready")


def what_it_sees(ready: dict[str, Any]) -> Iterator[Finding]:
    """What the API says of itself: it may be on another machine, or have other variables than this command."""
    lacking = {name: part["detail"] for name, part in ready.items() if isinstance(part, dict) and not part.get("ok")}
    for name, detail in lacking.items():
        advice = "See the lines on it; if those are well, the API has other variables, or no way to it"
        yield warning(SUBJECT, f"it says of {name}: {detail}", advice)
    if not lacking:
        yield ok(SUBJECT, "it says of itself that it is ready, and addresses that it names lead back to it")


def asked(url: str, tls: ssl.SSLContext | None) -> Said:
    """What an address answers. Raises OSError if it does not. No variable of a proxy on the way out is heeded."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(request, timeout=ANSWERS_WITHIN_S) as answer:
            return Said(answer.status, json_in(answer.read(LONGEST_ANSWER)))
    except urllib.error.HTTPError as error:
        with error:
            return Said(error.code, json_in(error.read(LONGEST_ANSWER)))
    except HTTPException as error:
        raise OSError(f"it does not speak HTTP: {error!r}") from error


def why(error: OSError) -> str:
    """Why there was no answer, without what urllib puts around it."""
    return str(getattr(error, "reason", error))


def json_in(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
