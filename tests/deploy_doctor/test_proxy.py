"""Each thing that a proxy in front of the API may do wrong is told in a line, with what to set."""

import re
from pathlib import Path

import pytest

from deploy.doctor.finding import Mark
from deploy.doctor.installation import installed
from deploy.doctor.looks.api import look
from shared.configuration.settings import load_settings
from tests.api_service.serving import served_here
from tests.certificates import certificate
from tests.deploy_doctor.conftest import Diagnosis
from tests.deploy_doctor.faulty_proxy import NOT_FOUND, Fault, faulty
from tests.raw_server import answer
from tests.tls_front import tls_front

PREFIX = "/make/pictures"
TOO_LARGE = answer(b"<h1>Too Large</h1>", "413 Request Entity Too Large", Content_Type="text/html", Connection="close")


def twice(head: bytes) -> bytes:
    return re.sub(rb"(?im)^location: /", f"location: {PREFIX}/".encode(), head)


def elsewhere(head: bytes) -> bytes:
    return re.sub(rb"(?im)^location: /", b"location: http://127.0.0.1:1/", head)


def without_upgrade(head: bytes) -> bytes:
    return re.sub(rb"(?im)^(upgrade|connection): .*\r\n", b"", head)


def as_its_own(head: bytes) -> bytes:
    return re.sub(rb"(?im)^host: .*$", b"Host: api:8000\r", head).replace(b"\r\r", b"\r")


def all_but_the_docs(head: bytes) -> bytes | None:
    asked = head.split()[1].removeprefix(PREFIX.encode())
    return None if asked in {b"/", b"/docs", b"/openapi.json"} or asked.startswith(b"/health") else NOT_FOUND


def all_but_v1(head: bytes) -> bytes | None:
    return NOT_FOUND if b" /make/pictures/v1/" in head or b"/system_stats" in head else None


def large_uploads(head: bytes) -> bytes | None:
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    return TOO_LARGE if length and int(length[1]) > 1024 * 1024 else None


def found_through(well: dict[str, str], key: str, fault: Fault, **variables: str) -> Diagnosis:
    """What the doctor finds through a proxy with this fault, whose path everybody knows."""
    told = {"ROOT_PATH": PREFIX, **variables}
    with served_here({**well, **told}, key) as api, faulty(f"http://{api.address}", PREFIX, fault) as url:
        return asked({**well, **told, "PUBLIC_URL": url})


def asked(environ: dict[str, str]) -> Diagnosis:
    with installed(environ, load_settings(environ)) as installation:
        return Diagnosis(look(installation))


def test_a_proxy_without_a_fault_is_well(well: dict[str, str], key: str) -> None:
    found = found_through(well, key, Fault())
    assert {finding.mark for finding in found} == {Mark.OK}, found
    assert "passes on requests, events, WebSockets and uploads" in str(found[-1])


@pytest.mark.parametrize(
    ("fault", "mark", "line"),
    [
        (
            Fault(says=twice),
            Mark.TROUBLE,
            f"arrives as {PREFIX}{PREFIX}/health/ready. Let the proxy change no Location",
        ),
        (Fault(says=elsewhere), Mark.TROUBLE, "a Location leads to http://127.0.0.1:1, which is not where clients ask"),
        (Fault(gathers=True), Mark.TROUBLE, "it holds back server-sent events"),
        (Fault(asks=without_upgrade), Mark.TROUBLE, "no WebSocket opens: an upgrade is answered with 404"),
        (Fault(asks=as_its_own), Mark.TROUBLE, "URLs of files begin with http://api:8000, and clients ask http://127."),
        (Fault(refuses=all_but_v1), Mark.WARNING, "come from /v1/models (404), /system_stats (404)"),
        (Fault(refuses=large_uploads), Mark.TROUBLE, "an upload of 104857600 bytes, which ASSET_MAX_BYTES allows, is"),
        (Fault(hoards=True), Mark.WARNING, "it keeps an upload to itself until all of it is there"),
    ],
)
def test_a_fault_is_named_and_nothing_else(well: dict[str, str], key: str, fault: Fault, mark: Mark, line: str) -> None:
    found = found_through(well, key, fault)
    named = [finding for finding in found if finding.mark is not Mark.OK]
    assert [finding.mark for finding in named] == [mark], found
    assert line in str(named[0])


def test_a_path_that_leads_to_the_description_alone(well: dict[str, str], key: str) -> None:
    found = found_through(well, key, Fault(refuses=all_but_the_docs))
    assert any("/api/v1/me (404), /v1/models (404), /system_stats (404)" in line for line in found.warnings)
    assert any("no WebSocket opens: an upgrade is answered with 404" in line for line in found.troubles)
    assert any("is answered with 404 before the API" in line for line in found.troubles)


def test_an_older_proxy_rule_that_keeps_the_health_of_the_api_from_strangers(well: dict[str, str], key: str) -> None:
    found = found_through(well, key, Fault(refuses=lambda head: NOT_FOUND if b"/health/arrival" in head else None))
    (line,) = found.troubles
    assert "/health/arrival is not answered by the API" in line


def test_tls_that_the_api_does_not_hear_of_and_clients_that_speak_for_others(
    well: dict[str, str], key: str, tmp_path: Path
) -> None:
    """On this machine the API believes whoever asks: what comes through is what the client said."""
    made = certificate(tmp_path, "localhost")
    with served_here(well, key) as api, tls_front(int(api.address.partition(":")[2]), made) as port:
        url = f"https://localhost:{port}"
        found = asked({**well, "PUBLIC_URL": url, "CA_FILE": str(made.certificate)})
    assert any(
        f"URLs of files begin with http://localhost:{port}, and clients ask {url}" in one for one in found.troubles
    )
    assert any("each can take the address of another" in one for one in found.troubles)


def test_a_proxy_that_ends_each_connection_is_told_of(well: dict[str, str], key: str) -> None:
    found = found_through(well, key, Fault(refuses=lambda head: b"?" if b"/system_stats" in head else None))
    assert any("it breaks off: BadStatusLine" in line for line in found.troubles)


def test_nothing_is_asked_of_a_proxy_where_none_is_named(well: dict[str, str], key: str) -> None:
    with served_here(well, key) as api:
        found = asked({**well, "API_PORT": api.address.rpartition(":")[2]})
    assert {finding.subject for finding in found} == {"api"}
