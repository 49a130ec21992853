"""Behind nginx and Caddy, as `deploy/proxies` has them, everything works, and nobody speaks for others."""

import json
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import Engine
from websockets.sync.client import connect

from deploy.doctor.finding import Mark
from deploy.doctor.installation import installed
from deploy.doctor.looks.api import look
from deploy.local.ports import free_ports
from shared.configuration.settings import load_settings
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from tests.api_service.conftest import bearer, new_key
from tests.api_service.serving import EventReader, served
from tests.api_service.streams.test_websocket import progress
from tests.certificates import certificate
from tests.deploy_proxies.proxies import NAME, Front, is_there, running
from tests.jobs import output
from tests.jobs import running as running_job
from tests.worker_service.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.landing]

PATIENCE_S = 40.0


@dataclass(frozen=True)
class Behind:
    """An API behind a proxy: its URL from outside, what it logs, who asks, and where ComfyUI's clients do so without
    the proxy. `authority` is the file of who vouches for the proxy."""

    url: str
    log: Path
    key: str
    trust: ssl.SSLContext
    authority: Path
    native: str

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=bearer(self.key), verify=self.trust, timeout=PATIENCE_S)


class Place(NamedTuple):
    """Where the proxy has the API, whether it takes that path away, and whether the API is told its whole URL."""

    path: str
    takes_away: bool = False
    says_url: bool = True


PLACES = {
    "at-the-root": Place(""),
    "path-passed-on": Place("/generation"),
    "path-taken-away": Place("/generation", takes_away=True),
    "url-from-requests": Place("/generation", says_url=False),
}


@pytest.fixture(params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not is_there(name):
        pytest.skip(f"{name} is not installed on this machine")
    return name


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.param
    return found


@pytest.fixture
def behind(proxy: str, place: Place, environ: dict[str, str], engine: Engine, tmp_path: Path) -> Iterator[Behind]:
    port, own = next(free_ports()), certificate(tmp_path, NAME)
    url, folder = f"https://{NAME}:{port}{place.path}", tmp_path / proxy
    folder.mkdir()
    native = next(free_ports())
    told = {"PUBLIC_URL": url if place.says_url else "", "ROOT_PATH": place.path, "NATIVE_PORT": str(native)}
    with served({**environ, **told}, new_key(engine), tmp_path) as api:
        front = Front(port, own, api.address, place.takes_away)
        with running(proxy, front, folder, {"PATH": os.environ["PATH"], "HOME": str(folder)}):
            trust = ssl.create_default_context(cafile=str(own.certificate))
            yield Behind(url, tmp_path / "api.log", api.key, trust, own.certificate, f"http://127.0.0.1:{native}")


def test_events_are_told_as_they_happen_and_addresses_lead_back_through_the_proxy(
    behind: Behind, messenger: Messenger
) -> None:
    claim = running_job(messenger)
    job = f"/api/v1/generation-jobs/{claim.job.id}"
    socket_url = behind.url.replace("https:", "wss:", 1) + f"/ws/jobs/{claim.job.id}"
    with (
        behind.client() as http,
        http.stream("GET", f"{job}/events") as response,
        connect(socket_url, ssl=behind.trust, additional_headers=bearer(behind.key)) as socket,
    ):
        events = EventReader(response)
        assert [(events.next() or {})["event"] for _ in range(2)] == ["queued", "started"]
        assert json.loads(socket.recv(PATIENCE_S))["type"] == "snapshot"
        # While both stay open: held back, neither would come before the end.
        progress(messenger, claim.job.id, 7)
        assert json.loads(socket.recv(PATIENCE_S))["type"] == "processing"
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        assert json.loads(socket.recv(PATIENCE_S))["type"] == "completed"
        assert events.until_the_end()[-1]["event"] == "completed"
        told = http.get(job).json()["outputs"][0]["url"]
        assert told.startswith(f"{behind.url}{job}/outputs/0?")


def test_every_address_leads_back_below_the_path(behind: Behind, messenger: Messenger) -> None:
    jobs = {running_job(messenger).job.id for _ in range(2)}
    host = httpx.URL(behind.url).join("/")
    with behind.client() as http:
        made = http.post("/api/v1/webhooks/", json={"url": "https://example.com/hook"})
        assert made.status_code == 201, made.text
        assert http.get(host.join(made.headers["location"])).json()["id"] == made.json()["id"]
        first = http.get("/api/v1/generation-jobs/?limit=1").json()
        second = http.get(host.join(first["next"])).json()
        assert {job["id"] for job in (*first["items"], *second["items"])} == jobs
        assert {http.get(host.join(job["links"]["self"])).json()["id"] for job in second["items"]} <= jobs
        page = http.get("/", headers={"Accept": "text/html"}).text
        for address in re.findall(r'href="(/[^"]*)"', page):
            assert http.get(host.join(address), follow_redirects=True).status_code in {200, 503}, address
        assert http.get("/studio/").headers["location"] == "../studio"
        # A word of the path as %xx, and what a proxy may write anew.
        assert http.get("/api/v1/nodes/a%2Fb").status_code == http.get("/api/v1/nodes/a").status_code


def test_the_doctor_finds_nothing_that_the_proxy_does_wrong(
    behind: Behind, place: Place, environ: dict[str, str]
) -> None:
    told = {**environ, "PUBLIC_URL": behind.url, "ROOT_PATH": place.path, "CA_FILE": str(behind.authority)}
    with installed(told, load_settings(told)) as installation:
        found = [finding for finding in look(installation) if finding.subject == "proxy"]
    assert [finding.mark for finding in found] == [Mark.OK], found


def test_clients_of_comfyui_have_their_port_at_the_root_beside_the_proxy(behind: Behind) -> None:
    with behind.client() as http:
        here, there = (http.get(f"{base}/system_stats") for base in (behind.native, behind.url))
    assert (here.status_code, there.status_code) == (200, 200)
    assert here.json().keys() == there.json().keys()


def test_a_client_does_not_speak_for_another_address(behind: Behind) -> None:
    with behind.client() as http:
        claims = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http", "Forwarded": "for=192.0.2.7"}
        assert http.get("/api/v1/me", headers=claims).status_code == 200
    until(lambda: askers(behind.log))  # it is logged after the answer
    assert askers(behind.log) == ["127.0.0.1"]


def askers(log: Path) -> list[str]:
    """The addresses that asked with a key, as the API logs them."""
    answered = [json.loads(line) for line in log.read_text().splitlines() if '"request.answered"' in line]
    return [line["client"] for line in answered if line.get("user_id")]


def test_a_large_body_reaches_the_api(behind: Behind) -> None:
    with behind.client() as http:
        body = {"prompt": "x" * 5_000_000, "checkpoint_model": "none"}
        refused = http.post("/api/v1/generation-jobs/", json=body)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
