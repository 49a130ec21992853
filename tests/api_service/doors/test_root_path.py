"""Below a path of a proxy: every address in every answer leads back, whether the proxy passes the path on or not."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.http.server.browser_cookies import COOKIE, PAGE_HEADER
from api_service.main import create_app
from api_service.routes import ROUTES
from shared.configuration.settings import Settings, SettingsError, load_settings
from shared.configuration.urls.public_urls import LONGEST_ROOT_PATH, OUR_FIRST_WORDS
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.doors import test_access
from tests.api_service.doors.test_access import ADMIN, ROWS, World
from tests.api_service.quick_api import QUICK
from tests.jobs import output, running, submitted
from tests.notifications import completed
from tests.schedules import jobs_of, run_all, scheduled
from tests.webhooks import endpoint

ROOT = "/make/pictures"
HOST = "http://testserver"
PUBLIC = "https://example.org/make/pictures"
JOBS = "/api/v1/generation-jobs"
WORDS = "|".join(map(re.escape, sorted(OUR_FIRST_WORDS, key=len, reverse=True)))
# An address of ours without the path. After a method it is the name of an operation, as the description has it.
LOST = re.compile(rf"(?<![\w.~-])(?<!GET )(?<!POST )(?<!PUT )(?<!PATCH )(?<!DELETE )/(?:{WORDS})(?![\w.-])[^\s\"']*")
ELSEWHERE = re.compile(rf"{HOST}(?!{ROOT}[/\"])[^\s\"']*")
# They describe addresses, and say once below which path these are.
DESCRIPTIONS = {"/openapi.json", "/api/v2/openapi.json", "/v1/openapi.json"}
world = test_access.world  # a fixture


# After these nothing is as the others need it.
LAST = {("POST", "/api/v1/generation-jobs/cancel"), ("POST", "/api/v1/generation-jobs/{job_id}/cancel")}
LAST |= {("POST", "/api/v2/jobs/{id}/cancel"), ("DELETE", "/session")}


class Below(TestClient):
    """Asks below the path, as through a proxy that passes it on, and keeps what is answered."""

    answers: list[Any]
    settings: Settings

    def request(self, method: str, url: Any, **sent: Any) -> Any:
        response = super().request(method, f"{ROOT}{url}", **{**sent, "follow_redirects": False})
        self.answers.append(response)
        return response

    def websocket_connect(self, url: str, *more: Any, **sent: Any) -> Any:
        return super().websocket_connect(f"{ROOT}{url}", *more, **sent)


@pytest.fixture(params=["", PUBLIC], ids=["without-a-public-url", "with-a-public-url"])
def below(request: pytest.FixtureRequest, environ: dict[str, str], messenger: Messenger) -> Iterator[Below]:
    settings = load_settings({**environ, "ROOT_PATH": ROOT, "PUBLIC_URL": request.param})
    with Below(create_app(settings, QUICK), headers=bearer(new_key(messenger.engine, *Scope))) as client:
        client.answers, client.settings = [], settings
        yield client


@pytest.fixture
def inside(environ: dict[str, str], messenger: Messenger) -> Iterator[TestClient]:
    """Asks as through a proxy that takes the path away."""
    settings = load_settings({**environ, "ROOT_PATH": ROOT})
    with TestClient(create_app(settings, QUICK), headers=bearer(new_key(messenger.engine, *Scope))) as client:
        yield client


def fields_with_root(value: Any, name: str = "") -> Iterator[str]:
    """The names of fields whose text begins with the path, or with the host and the path."""
    match value:
        case dict():
            for key, one in value.items():
                yield from fields_with_root(one, key)
        case list():
            for one in value:
                yield from fields_with_root(one, name)
        case str() if value.startswith((f"{ROOT}/", f"{HOST}{ROOT}/", f"{PUBLIC}/")):
            yield name


@pytest.mark.broad
def test_every_address_in_every_answer_is_below_the_path(below: Below, world: World) -> None:
    lost: dict[str, list[str]] = {}
    for route, row in sorted(ROWS.items(), key=lambda one: one[0] in LAST):
        caller = "admin" if row.who is ADMIN else "owner"
        before = len(below.answers)
        status, text = test_access.asker(below, route, row)(world.names, world.keys[caller], caller)
        assert status == row.answer, (route, text)
        if route[1] not in DESCRIPTIONS and "swagger-ui" not in route[1]:
            said = "\n".join(f"{one.text} {one.headers.get('location', '')}" for one in below.answers[before:])
            lost[" ".join(route)] = LOST.findall(said) + ELSEWHERE.findall(said)
    assert not {route: found for route, found in lost.items() if found}
    assert {name for one in below.answers for name in fields_with_root(json_of(one))} >= FIELDS
    located = {one.headers["location"] for one in below.answers if "location" in one.headers}
    assert len(located) > 5
    assert all(one.startswith(f"{ROOT}/") for one in located), located


def json_of(response: Any) -> Any:
    return response.json() if "json" in response.headers.get("content-type", "") and response.content else None


# Each of them was seen by the test above, or it would look for nothing.
FIELDS = {"self", "cancel", "events", "jobs", "run", "jobs_url", "url", "300", "studio", "docs", "openapi", "ready"}


def test_what_the_proxy_takes_away_makes_no_difference(inside: TestClient, messenger: Messenger) -> None:
    for path in (JOBS, f"{ROOT}{JOBS}", f"{ROOT}{JOBS}/"):
        made = inside.post(path, json={"prompt": "a cat", "checkpoint_model": "sd15"})
        assert made.headers["location"] == made.json()["links"]["self"] == f"{ROOT}{JOBS}/{made.json()['id']}"
        assert inside.get(made.headers["location"]).json()["id"] == made.json()["id"]
    for path in (ROOT, f"{ROOT}/", "/"):
        assert inside.get(path).json()["studio"] == f"{ROOT}/studio"
    # A letter as %xx is the same letter; a word that only begins so is another.
    assert inside.get(f"/make/%70ictures{JOBS}/").status_code == 200
    assert inside.get(f"{ROOT}s{JOBS}/").status_code == 404
    assert inside.get(f"{ROOT}{ROOT}{JOBS}/").status_code == 404


def test_pages_of_a_list_go_on_below_the_path(inside: TestClient, messenger: Messenger) -> None:
    jobs = {submitted(messenger) for _ in range(3)}
    seen, address = set(), f"{ROOT}{JOBS}/?limit=1"
    while address:
        page = inside.get(address).json()
        seen |= {job["id"] for job in page["items"]}
        address = page["next"]
        assert address is None or address.startswith(f"{ROOT}{JOBS}/?")
    assert seen == jobs


def test_a_schedule_leads_to_its_last_job_below_the_path(inside: TestClient, messenger: Messenger) -> None:
    schedule = scheduled(messenger.engine)
    assert run_all(messenger) == 1
    (job,) = jobs_of(messenger.engine, schedule)
    assert f"{ROOT}{JOBS}/{job.id}" in inside.get(f"/api/v1/schedules/{schedule.id}").text


def test_signed_urls_work_below_the_path_and_inside(below: Below, world: World) -> None:
    base = PUBLIC if below.settings.public_url else f"{HOST}{ROOT}"
    (made,) = below.get(f"{JOBS}/{world.names['job_id']}").json()["outputs"]
    with TestClient(below.app) as browser:
        for url in (made["url"], *made["thumbnails"].values()):
            assert url.startswith(f"{base}{JOBS}/")
            address = url.removeprefix(base)
            assert [browser.get(f"{path}{address}").content for path in (ROOT, "")] == [b"bytes"] * 2


def test_events_tell_addresses_below_the_path(below: Below, messenger: Messenger) -> None:
    claim = running(messenger)
    job, file = f"{JOBS}/{claim.job.id}", f"{ROOT}{JOBS}/{claim.job.id}/outputs/0"
    with below.websocket_connect(f"/ws/jobs/{claim.job.id}") as one, below.websocket_connect("/ws/jobs") as all_jobs:
        assert one.receive_json()["job"]["links"]["events"] == f"{ROOT}/ws/jobs/{claim.job.id}"
        assert all_jobs.receive_json()["jobs"][0]["links"]["self"] == f"{ROOT}{job}"
        with messenger.transaction() as session:
            made = output(claim, thumbnails={"300": {"path": "thumb.webp"}})
            lifecycle.complete(session, claim.lease, [made])
        for socket in (one, all_jobs):
            (told,) = socket.receive_json()["data"]["outputs"]
            assert told["url"] == file
            assert told["thumbnails"]["300"].startswith(f"{ROOT}{job}/thumbnails/0")
    assert f'"url":"{file}"' in below.get(f"{job}/events").text


def test_what_a_webhook_is_told_is_shown_as_it_is_sent(below: Below, messenger: Messenger) -> None:
    hook = endpoint(messenger, "https://example.com/")
    job_id = completed(messenger)
    (delivery,) = below.get(f"/api/v1/webhooks/{hook.id}/deliveries").json()["items"]
    (told,) = json.loads(delivery["body"])["data"]["outputs"]
    assert told["url"] == f"{ROOT}{JOBS}/{job_id}/outputs/0"


def test_the_cookie_of_a_browser_goes_nowhere_but_below_the_path(inside: TestClient, messenger: Messenger) -> None:
    key = new_key(messenger.engine)
    with TestClient(inside.app, headers={PAGE_HEADER: "1"}) as browser, TestClient(inside.app) as nobody:
        signed = browser.post(f"{ROOT}/session", json={"key": key})
        assert f"Path={ROOT};" in signed.headers["set-cookie"]
        assert browser.get(f"{ROOT}/api/v1/me").status_code == 200
        # Another service at the root of this host has a cookie too: the longer path's comes first.
        ours, others = f"{COOKIE}={browser.cookies[COOKIE]}", f"{COOKIE}=gn_another_one"
        for sent, status in ((f"x=1; {ours}; {others}", 200), (f"{others}; {ours}", 401)):
            assert nobody.get(f"{ROOT}/api/v1/me", headers={"Cookie": sent}).status_code == status
        assert f"Path={ROOT};" in browser.delete(f"{ROOT}/session").headers["set-cookie"]
        assert COOKIE not in browser.cookies


def test_descriptions_say_below_which_path_their_addresses_are(below: Below) -> None:
    for path in sorted(DESCRIPTIONS):
        assert below.get(path).json()["servers"] == [{"url": ROOT}]
    page = below.get("/docs").text
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert address.startswith(f"{ROOT}/docs/")
        assert below.get(address.removeprefix(ROOT)).status_code == 200
    assert f'url: "{ROOT}/openapi.json"' in below.get("/docs/page.js").text
    front = below.get("/", headers={"Accept": "text/html"}).text
    assert f'<a href="{ROOT}/studio">{ROOT}/studio</a>' in front
    assert "{{" not in page + front


def test_two_services_of_one_process_have_paths_of_their_own(below: Below, client: TestClient) -> None:
    for asked, root in ((below, ROOT), (client, ""), (below, ROOT)):
        assert asked.get("/openapi.json").json()["servers"] == [{"url": root or "/"}]
        assert asked.get("/").json()["docs"] == f"{root}/docs"


def test_sentences_name_addresses_as_they_are_reached(below: Below) -> None:
    detail = below.get("/api/v1/generation-job").json()["detail"]
    assert f"did you mean {ROOT}{JOBS}/" in detail
    assert f"{ROOT}/docs lists all addresses" in detail
    assert f"{ROOT}/docs lists" in below.put("/api/v1/me").json()["detail"]


@pytest.mark.parametrize("path", ["", ROOT, f"{ROOT}/", "/api", f"{ROOT}/api", f"{ROOT}/c/gn_a_b", "/c/gn_a_b/"])
def test_this_service_is_no_server_of_its_own_by_either_address(below: Below, path: str) -> None:
    for host in (HOST, "https://example.org") if below.settings.public_url else (HOST,):
        refused = below.post("/api/v1/servers", json={"url": f"{host}{path}"})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "own_address")
    assert below.post("/api/v1/servers", json={"url": f"{HOST}/another"}).status_code == 201


def test_a_key_in_an_address_is_below_the_path_too(inside: TestClient, messenger: Messenger) -> None:
    key = new_key(messenger.engine, Scope.NATIVE)
    with TestClient(inside.app) as nobody:
        for path in (ROOT, ""):
            assert nobody.get(f"{path}/c/{key}/queue").status_code == 200
            assert nobody.get(f"{path}/c/{key}/api/v1/me").status_code == 404


def test_no_path_may_begin_with_a_word_of_ours() -> None:
    words = {route.path.split("/")[1] for route in ROUTES}  # type: ignore[attr-defined]
    assert words | {"c"} == OUR_FIRST_WORDS | {""}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        *((path, "letters, digits") for path in ("pictures", "/", "/a/", "/a//b", "/a/../b", "/./a", "/a b", "/a?b")),
        *((path, "letters, digits") for path in ("/a%20b", "https://a/b", "/ü", "/" + "a" * LONGEST_ROOT_PATH)),
        ("/api", "does not begin with /api"),
        ("/api/pictures", "does not begin with /api"),
        ("/openapi.json/x", "does not begin with /openapi.json"),
    ],
)
def test_what_can_be_no_path_is_refused_at_the_start(environ: dict[str, str], path: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as raised:
        load_settings({**environ, "ROOT_PATH": path})
    assert str(raised.value).startswith("ROOT_PATH: ")


def test_the_path_is_that_of_the_public_url(environ: dict[str, str]) -> None:
    for public in ("https://example.org/b", "https://example.org"):
        with pytest.raises(SettingsError, match=r"ROOT_PATH: .*PUBLIC_URL"):
            load_settings({**environ, "ROOT_PATH": "/a", "PUBLIC_URL": public})
    settings = load_settings({**environ, "ROOT_PATH": "/a/b", "PUBLIC_URL": "https://example.org/a/b/"})
    assert (settings.root_path, settings.public_url) == ("/a/b", "https://example.org/a/b")
    # As before there was ROOT_PATH: the proxy does it all.
    assert load_settings({**environ, "PUBLIC_URL": "https://example.org/a"}).root_path == ""
