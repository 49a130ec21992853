"""The URL of a file that an answer had works without a key: for this file, for a while, and no longer than the key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col, select
from starlette.testclient import TestClient

from api_service.accounts.keyring import Keyring
from api_service.accounts.url_signing import SIGNS_FOR, UrlSigning
from api_service.http.server.browser_cookies import COOKIE
from api_service.main import create_app
from api_service.refusals.refusal import Refusal
from shared.accounts.keys import revoke_key
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import ApiKey, Scope, UrlSecret
from shared.storage.opening import open_storage
from tests.api_service.assets.assets import ASSETS, PNG, uploaded
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.jobs import output, running

JOBS = "/api/v1/generation-jobs"
CONTENT = bytes(range(200))
HOUR = timedelta(hours=1)


@pytest.fixture
def job_id(messenger: Messenger, settings: Settings, tmp_path: Path) -> int:
    """A completed job with two pictures; the first has a thumbnail."""
    claim = running(messenger)
    outputs = [output(claim, 0, thumbnails={"300": {"path": "thumb.webp"}}), output(claim, 1)]
    (tmp_path / "file").write_bytes(CONTENT)
    for key in (outputs[0].path, outputs[1].path, "thumb.webp"):
        open_storage(settings).store.put({key: tmp_path / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, outputs)
    return claim.job.id


@pytest.fixture
def browser(settings: Settings) -> Iterator[TestClient]:
    """Asks without a key, and another API process than `client`."""
    with TestClient(create_app(settings, QUICK)) as browser:
        yield browser


def shown(client: TestClient, job_id: int, **headers: str) -> Any:
    return client.get(f"{JOBS}/{job_id}", headers=headers).json()["outputs"]


def changed(url: str, **query: str) -> str:
    """The URL with other parameters."""
    parts = urlsplit(url)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()} | query
    return urlunsplit(parts._replace(query="&".join(f"{name}={value}" for name, value in given.items())))


def sealed(browser: TestClient, url: str) -> None:
    """Something is wrong with this URL, and the answer says no more than that."""
    answer = browser.get(url)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_browser_shows_the_pictures_of_a_job(client: TestClient, browser: TestClient, job_id: int) -> None:
    first, second = shown(client, job_id)
    urls = [first["url"], second["url"], first["thumbnails"]["300"]]
    assert all(url.startswith(f"http://testserver{JOBS}/{job_id}/") for url in urls)
    assert [browser.get(url).content for url in urls] == [CONTENT] * 3
    listed = client.get(f"{JOBS}/").json()["items"][0]["first_output"]
    assert (listed["url"], listed["thumbnails"]) == (first["url"], first["thumbnails"])
    answer = browser.get(first["url"])
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


def test_ranges_and_head_work_as_with_a_key(client: TestClient, browser: TestClient, job_id: int) -> None:
    url = shown(client, job_id)[0]["url"]
    part = browser.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    head = browser.head(url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(CONTENT)), b"")
    assert browser.get(url, headers={"If-None-Match": head.headers["etag"]}).status_code == 304
    assert browser.get(url.replace("?", "/?")).status_code == 200


def test_what_is_asked_for_by_url_does_not_count_as_a_request_of_the_key(
    environ: dict[str, str], client: TestClient, key: str, job_id: int
) -> None:
    url = shown(client, job_id)[0]["url"]
    with TestClient(create_app(load_settings({**environ, "LIMIT_REQUESTS_PER_MINUTE": "0"}), QUICK)) as strict:
        signed_in = {"Cookie": f"{COOKIE}={key}"}
        assert strict.get(f"{JOBS}/{job_id}", headers=signed_in).status_code == 429
        assert [strict.get(url, headers=headers).status_code for headers in ({}, signed_in)] == [200, 200]
        assert strict.get(changed(url, signature="x"), headers=signed_in).status_code == 401


def test_a_browser_shows_an_asset(client: TestClient, browser: TestClient) -> None:
    asset = uploaded(client)
    assert browser.get(asset["url"]).content == PNG
    (listed,) = client.get(ASSETS).json()["items"]
    one = client.get(f"{ASSETS}/{asset['id']}").json()
    assert (listed["url"], one["url"]) == (asset["url"], asset["url"])


def test_a_snapshot_and_an_answer_that_waited_have_the_same_urls(client: TestClient, job_id: int) -> None:
    with client.websocket_connect(f"/ws/jobs/{job_id}") as socket:
        (first, _) = socket.receive_json()["job"]["outputs"]
    assert first == shown(client, job_id)[0]


def test_a_url_lives_for_an_hour_and_is_the_same_for_a_while(client: TestClient, job_id: int) -> None:
    first, again = shown(client, job_id)[0], shown(client, job_id)[0]
    left = datetime.fromisoformat(first["url_expires_at"]) - datetime.now(UTC)
    assert HOUR - timedelta(minutes=1) < left < 1.25 * HOUR + timedelta(minutes=1)
    # Unless a quarter of an hour has just begun.
    assert first == again or again["url_expires_at"] > first["url_expires_at"]
    assert urlsplit(first["url"]).query.startswith(
        f"expires={datetime.fromisoformat(first['url_expires_at']).timestamp():.0f}&"
    )


def test_nothing_of_the_key_is_in_the_url(client: TestClient, key: str, job_id: int) -> None:
    _, key_id, secret = key.split("_")
    text = client.get(f"{JOBS}/{job_id}").text
    assert key_id not in text
    assert secret not in text


def test_a_url_that_was_changed_opens_nothing(client: TestClient, browser: TestClient, job_id: int) -> None:
    first, second = shown(client, job_id)
    url, small = first["url"], first["thumbnails"]["300"]
    query = parse_qs(urlsplit(url).query)
    signature, expires = query["signature"][0], query["expires"][0]
    for wrong in (
        changed(url, expires=str(int(expires) + 1)),
        changed(url, expires="1"),
        changed(url, expires="٣"),
        changed(url, signature=signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")),
        changed(url, signature="x"),
        changed(url, signature=signature + "A" * 80),
        changed(url, size="300"),
        changed(small, size="150"),
        f"{url}&signature={signature}",
        url.partition("&")[0],
        second["url"].partition("?")[0] + "?" + urlsplit(url).query,
        f"{JOBS}/{job_id}?{urlsplit(url).query}",
        f"{url}&key=gn_a_b",
    ):
        sealed(browser, wrong)


def test_an_authorization_header_counts_more_than_the_signature(
    client: TestClient, browser: TestClient, engine: Engine, job_id: int
) -> None:
    url = shown(client, job_id)[0]["url"]
    assert browser.get(url, headers=bearer(new_key(engine, another=True))).status_code == 404
    assert browser.get(url, headers={"Authorization": "Bearer gn_a_b"}).status_code == 401


@pytest.mark.parametrize("end", [{"revoked_at": func.now()}, {"expires_at": func.now()}], ids=["revoked", "expired"])
def test_a_url_ends_with_the_key_it_was_made_for(
    client: TestClient, browser: TestClient, engine: Engine, key: str, job_id: int, end: dict[str, Any]
) -> None:
    url = shown(client, job_id)[0]["url"]
    assert browser.get(url).status_code == 200
    with transaction(engine) as session:
        session.exec(update(ApiKey).where(col(ApiKey.id) == key.split("_")[1]).values(**end))
    browser.app_state["services"].keyring.known.clear()  # as a second later
    sealed(browser, url)


def test_a_url_gives_no_more_rights_than_its_key(
    client: TestClient, browser: TestClient, engine: Engine, job_id: int
) -> None:
    url = shown(client, job_id)[0]["url"]
    another = client.app_state["services"].url_signing.signer()
    address = urlsplit(url).path
    for key, status in ((new_key(engine, another=True), 404), (new_key(engine, Scope.WRITE), 403)):
        signature = another.signature(address, key.split("_")[1])
        assert browser.get(f"{address}?expires={another.expires}&signature={signature}").status_code == status


def test_a_tag_is_another_once_the_urls_live_longer(
    settings: Settings, environ: dict[str, str], key: str, job_id: int
) -> None:
    tags = []
    for lifetime in ("1h", "2d"):
        with TestClient(
            create_app(load_settings({**environ, "FILE_URL_LIFETIME": lifetime}), QUICK), headers=bearer(key)
        ) as client:
            tags.append(client.get(f"{JOBS}/{job_id}").headers["etag"])
    assert tags[0] != tags[1]


@pytest.mark.parametrize(
    ("host", "begins"),
    [
        ("pictures.example.com:8443", "http://pictures.example.com:8443/api/"),
        ("[::1]:8000", "http://[::1]:8000/api/"),
        ("a.example.com/b", "/api/"),
        ('"><script>', "/api/"),
        ("user@a.example.com", "/api/"),
        ("", "/api/"),
    ],
)
def test_the_host_is_that_of_the_request_if_it_can_be_one(
    client: TestClient, browser: TestClient, job_id: int, host: str, begins: str
) -> None:
    url = shown(client, job_id, Host=host)[0]["url"]
    assert url.startswith(begins)
    parts = urlsplit(url)
    assert browser.get(f"{parts.path}?{parts.query}").status_code == 200


def test_with_a_public_url_no_request_has_a_say_in_it(
    environ: dict[str, str], key: str, job_id: int, browser: TestClient
) -> None:
    settings = load_settings({**environ, "PUBLIC_URL": "https://Example.com/generation/"})
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        url = shown(client, job_id, Host="evil.example.com")[0]["url"]
        assert url.startswith("https://Example.com/generation/api/v1/")
    assert browser.get(url.removeprefix("https://Example.com/generation")).status_code == 200


# -- The secrets ------------------------------------------------------------------------------------------------------


@pytest.fixture
def key_id(key: str) -> str:
    return key.split("_")[1]


def signing(engine: Engine) -> UrlSigning:
    """As another API process has it."""
    return UrlSigning(engine, Keyring(engine), HOUR)


def known_by(process: UrlSigning, signed: tuple[int, str]) -> str:
    return process.identify("/a", str(signed[0]), signed[1]).key_id


def signed_by(process: UrlSigning, key_id: str) -> tuple[int, str]:
    signer = process.signer()
    return signer.expires, signer.signature("/a", key_id)


def age(engine: Engine, by: timedelta) -> None:
    with transaction(engine) as session:
        session.exec(update(UrlSecret).values(created_at=col(UrlSecret.created_at) - by))


def count(engine: Engine) -> int:
    with transaction(engine) as session:
        return len(session.exec(select(UrlSecret.id)).all())


def test_what_one_process_signed_another_knows(engine: Engine, key_id: str) -> None:
    one, another = signing(engine), signing(engine)
    another.signer()
    assert known_by(another, signed_by(one, key_id)) == key_id
    assert count(engine) == 1


def test_a_secret_is_replaced_after_a_day_and_still_verifies(engine: Engine, key_id: str) -> None:
    before = signed_by(signing(engine), key_id)
    age(engine, SIGNS_FOR)
    another = signing(engine)
    after = signed_by(another, key_id)
    assert before[1] != after[1]
    assert [known_by(another, one) for one in (before, after)] == [key_id, key_id]
    assert count(engine) == 2


def test_a_secret_that_was_drawn_just_now_by_another_process_is_looked_for(engine: Engine, key_id: str) -> None:
    one = signing(engine)
    one.signer()
    age(engine, SIGNS_FOR)
    drawn = signed_by(signing(engine), key_id)
    assert one.known is not None
    one.known = one.known._replace(read_at=one.known.read_at - 2)
    assert known_by(one, drawn) == key_id


def test_a_secret_goes_once_no_url_of_it_lives(engine: Engine, key_id: str) -> None:
    before = signed_by(signing(engine), key_id)
    age(engine, SIGNS_FOR + 2 * HOUR)
    after = signing(engine)
    after.signer()
    assert count(engine) == 1
    with pytest.raises(Refusal, match="was not signed here"):
        known_by(after, before)


def test_the_secrets_of_all_can_be_replaced_at_once(engine: Engine, key_id: str) -> None:
    process = signing(engine)
    before = signed_by(process, key_id)
    with transaction(engine) as session:
        for secret in session.exec(select(UrlSecret)):
            session.delete(secret)
    process.known = None  # as five seconds later
    with pytest.raises(Refusal):
        known_by(process, before)


def test_a_url_of_a_key_that_was_revoked_is_refused_within_a_second(engine: Engine, key_id: str) -> None:
    signed = signed_by(signing(engine), key_id)
    with transaction(engine) as session:
        revoke_key(session, key_id)
    with pytest.raises(Refusal, match="revoked"):
        known_by(signing(engine), signed)


def test_a_url_expires(engine: Engine, key_id: str) -> None:
    process = signing(engine)
    signed = signed_by(process, key_id)
    assert process.known is not None
    process.known = process.known._replace(said=float(signed[0]))
    with pytest.raises(Refusal, match="expired"):
        known_by(process, signed)
