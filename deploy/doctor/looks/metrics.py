"""What answers at METRICS_PORT is one of ours: else no service that is to show its metrics there starts."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from deploy.doctor.finding import Finding, ok, trouble
from deploy.doctor.installation import Installation
from shared.configuration.settings import Settings
from shared.configuration.urls.listening import reached_at

SUBJECT = "metrics"
ANSWERS_WITHIN_S = 5.0
LONGEST_PAGE = 1024 * 1024  # bytes
OURS = b"genonaut_build_info{"


def is_set(settings: Settings) -> bool:
    return settings.metrics_port is not None


def look(installation: Installation) -> Iterator[Finding]:
    host, port = installation.settings.metrics_host, installation.settings.metrics_port
    try:
        page = page_at(f"http://{reached_at(host)}:{port}/metrics")
    except ConnectionRefusedError:
        yield ok(SUBJECT, f"nobody is at {host}:{port} (METRICS_PORT): it is free")
    except OSError as error:
        found = f"{host} (METRICS_HOST) cannot be reached from here: {error}"
        yield trouble(SUBJECT, found, "Name an address of this machine")
    else:
        yield from told_by(f"{host}:{port}", page)


def told_by(place: str, page: bytes) -> Iterator[Finding]:
    if OURS in page:
        yield ok(SUBJECT, f"a service of ours shows them at {place}")
    else:
        found = f"{place} (METRICS_PORT) is taken by a program that is none of ours"
        yield trouble(SUBJECT, found, "Choose another METRICS_PORT: a service that finds it taken does not start")


def page_at(url: str) -> bytes:
    """What is said there; nothing, where that is no HTTP or no page. Raises OSError where nobody is reached."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWERS_WITHIN_S) as answer:
            page: bytes = answer.read(LONGEST_PAGE)
            return page
    except urllib.error.HTTPError as error:
        error.close()
        return b""
    except (HTTPException, ConnectionResetError, TimeoutError):
        return b""
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from None
