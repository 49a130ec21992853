"""The API is asked as clients ask it: what stands before it, or in its place, is found out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from deploy.doctor.finding import Mark
from deploy.doctor.installation import installed
from deploy.doctor.looks.api import look
from deploy.local.ports import free_ports
from shared.configuration.settings import load_settings
from shared.database.engine import transaction
from shared.version import VERSION
from tests.api_service.serving import served_here
from tests.deploy_doctor.conftest import Diagnosis
from tests.pages.prefix import behind_prefix
from tests.raw_server import raw_server

PREFIX = "/make/pictures"


def asked(environ: dict[str, str]) -> Diagnosis:
    with installed(environ, load_settings(environ)) as installation:
        return Diagnosis(look(installation))


@contextmanager
def in_front(
    well: dict[str, str], key: str, *, api_has: str = "", doctor_has: str = "", takes_away: bool = True
) -> Iterator[Diagnosis]:
    """What is found through a proxy below a path, with the ROOT_PATH that the API has and the one known here."""
    with (
        served_here({**well, "ROOT_PATH": api_has}, key) as api,
        behind_prefix(f"http://{api.address}", PREFIX, takes_away=takes_away) as url,
    ):
        yield asked({**well, "PUBLIC_URL": url, "ROOT_PATH": doctor_has})


@pytest.mark.parametrize("takes_away", [True, False])
def test_below_a_path_that_everybody_knows_all_is_well(well: dict[str, str], key: str, takes_away: bool) -> None:
    with in_front(well, key, api_has=PREFIX, doctor_has=PREFIX, takes_away=takes_away) as found:
        assert {finding.mark for finding in found} == {Mark.OK}
        assert "addresses that it names lead back to it" in str(found[-2])


def test_a_path_that_only_the_proxy_knows_is_a_warning_with_what_to_set(well: dict[str, str], key: str) -> None:
    with in_front(well, key) as found:
        (line,) = found.warnings
        assert not found.troubles
    assert f"names addresses without that, such as /health/ready. Set ROOT_PATH={PREFIX} for all services" in line


def test_a_path_that_the_api_does_not_know_and_the_proxy_passes_on(well: dict[str, str], key: str) -> None:
    with in_front(well, key, doctor_has=PREFIX, takes_away=False) as found:
        (line,) = found.troubles
    assert "is answered with 404, and not by an API of ours. See that the proxy passes requests on" in line


def test_services_with_different_paths(well: dict[str, str], key: str) -> None:
    with in_front(well, key, api_has=PREFIX) as found:
        (line,) = found.troubles
    assert f"it names addresses below {PREFIX}, and ROOT_PATH is not set here" in line


def test_addresses_that_lead_past_the_proxy(well: dict[str, str], key: str) -> None:
    with in_front(well, key, api_has="/another", doctor_has=PREFIX) as found:
        assert any("it names addresses below /another" in line for line in found.troubles)
        assert any("leads elsewhere: /another/health/ready is answered with 404" in line for line in found.troubles)


def test_nobody_is_there(well: dict[str, str]) -> None:
    port = next(free_ports())
    (line,) = asked({**well, "API_PORT": str(port)}).warnings
    assert f"none answers at http://127.0.0.1:{port} (API_HOST and API_PORT), as seen from here" in line
    (line,) = asked({**well, "PUBLIC_URL": "https://nowhere.invalid"}).warnings
    assert "none answers at https://nowhere.invalid (PUBLIC_URL)" in line


def answer(content: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\nConnection: close"
    return head.encode() + b"\r\n\r\n" + content


def ours(version: str) -> bytes:
    return json.dumps({"service": "Genonaut Generation", "version": version, "ready": "/health/ready"}).encode()


@pytest.mark.parametrize(
    ("said", "mark", "line"),
    [
        (answer(b"<h1>Welcome to nginx!</h1>"), Mark.TROUBLE, "is answered with 200, and not by an API of ours"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Mark.WARNING, "it does not speak HTTP"),
        (answer(ours("0.0.1")), Mark.WARNING, f"it is version 0.0.1, and this is {VERSION}"),
        (answer(ours(VERSION)), Mark.TROUBLE, "what it names leads elsewhere: /health/ready is answered with 200"),
    ],
)
def test_another_is_in_its_place(well: dict[str, str], said: bytes, mark: Mark, line: str) -> None:
    with raw_server(said) as server:
        assert any(line in one for one in asked({**well, "PUBLIC_URL": server.url}).lines(mark))


def test_what_the_api_says_of_itself_is_passed_on(well: dict[str, str], key: str, engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("DELETE FROM workers"))
    with served_here(well, key) as api:
        (line,) = asked({**well, "API_PORT": api.address.partition(":")[2]}).warnings
    assert "it says of worker: none seen in the last 30 s; jobs wait for one" in line
