"""/api/v1/notifications/preferences and the address: nothing goes anywhere that nobody asked for or verified."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, update
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.mail import SmtpServerUrl
from shared.configuration.settings import load_settings
from shared.messaging.messages import Queue
from shared.messaging.messenger import Messenger
from shared.models import MailState, NotificationSettings, Scope
from shared.notifications.outbox import PACE, SETTLES
from shared.notifications.secrets import Proof, signature
from tests.api_service.assets.test_uploading import field, refused
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.mail_server import MailServer, mail_server
from tests.notifications import ADDRESS, completed, let_pass, mails, settings_of
from worker_service.notifications.message import Letterhead
from worker_service.notifications.post_office import PostOffice
from worker_service.notifications.sender import Mailing

NOTIFICATIONS = "/api/v1/notifications"
PREFERENCES, EMAIL = f"{NOTIFICATIONS}/preferences", f"{NOTIFICATIONS}/email"
PUBLIC = "https://pictures.example.com"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def client(environ: dict[str, str], key: str, mail: MailServer) -> Iterator[TestClient]:
    """A client of USER, of an installation that sends e-mail."""
    mailed = {"PUBLIC_URL": PUBLIC, "MAIL_FROM": "pictures@example.com"}
    settings = load_settings({**environ, **mailed, "SMTP_URL": f"smtp+plain://127.0.0.1:{mail.port}"})
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        yield client


@pytest.fixture
def mailing(engine: Engine, mail: MailServer, environ: dict[str, str]) -> Iterator[Mailing]:
    sender = load_settings({**environ, "MAIL_FROM": "pictures@example.com"}).mail_from
    assert sender
    closing = threading.Event()
    office = PostOffice(SmtpServerUrl(f"smtp+plain://127.0.0.1:{mail.port}"))
    yield Mailing(engine, office, Letterhead(sender, PUBLIC), closing)
    closing.set()


def text_of(mail: MailServer) -> str:
    body = mail.received[-1].get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


def named(client: TestClient, mailing: Mailing, mail: MailServer, address: str = ADDRESS) -> tuple[str, str]:
    """Name an address. The code and the link that were mailed there."""
    response = client.put(EMAIL, json={"address": address})
    assert response.status_code == 202, response.text
    mailing.deliver_all()
    assert mail.envelopes[-1].rcpt_tos == [address]
    lines = text_of(mail).splitlines()
    assert f"or send this code to {PUBLIC}{EMAIL}/verification within an hour:" in lines
    (link,) = (line.removeprefix(PUBLIC) for line in lines if line.startswith(PUBLIC))
    (code,) = (line for line in lines if line.count("-") == 3 and len(line) == 19)
    return code, link


def test_at_first_nobody_is_told_anything_and_each_channel_is_changed_alone(client: TestClient) -> None:
    nothing: dict[str, Any] = {
        "in_app": [],
        "email": [],
        "webhook": [],
        "address": None,
        "pending_address": None,
        "sends_mail": True,
    }
    assert client.get(PREFERENCES).json() == nothing
    changed = client.patch(PREFERENCES, json={"in_app": ["job_failed", "job_failed"]}).json()
    assert changed == {**nothing, "in_app": ["job_failed"]}
    client.patch(PREFERENCES, json={"webhook": ["batch_done"]})
    assert client.get(PREFERENCES).json() == {**changed, "webhook": ["batch_done"]}
    assert client.patch(PREFERENCES, json={"in_app": []}).json()["in_app"] == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"in_app": ["job_started"]}, "in_app[0]"),
        ({"email": "job_failed"}, "email"),
        ({"email": ["job_failed"] * 11}, "email"),
        ({"sms": []}, "sms"),
        ({"email": ["job_failed", "server_trouble"]}, "email[1]"),
    ],
)
def test_wrong_preferences_are_named(client: TestClient, body: Any, name: str) -> None:
    assert field(client.patch(PREFERENCES, json=body)) == name


def test_an_admin_may_ask_for_troubles_of_servers(client: TestClient, engine: Engine) -> None:
    answer = client.patch(PREFERENCES, json={"email": ["server_trouble"]}, headers=bearer(new_key(engine, Scope.ADMIN)))
    assert answer.json()["email"] == ["server_trouble"]


@pytest.mark.parametrize(
    "address",
    [
        "anna", "@example.com", "anna@", "anna@localhost", "Anna <anna@example.com>", "anna@example.com,eve@x.com",
        "anna@example.com\r\nBcc: eve@example.com", "anna@exa mple.com", ".anna@example.com", "a..b@example.com",
        "änna@example.com", "anna@[127.0.0.1]", "anna@127.0.0.1", f"{'a' * 65}@example.com", f"a@{'b.' * 130}com",
        "anna@-example.com", '"anna"@example.com', "",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(client: TestClient, address: str) -> None:
    assert field(client.put(EMAIL, json={"address": address})) == "address"


def test_an_address_is_verified_by_the_mailed_code(
    client: TestClient, mailing: Mailing, mail: MailServer, messenger: Messenger
) -> None:
    client.patch(PREFERENCES, json={"email": ["job_completed"]})
    code, _ = named(client, mailing, mail)
    assert messenger.waiting_messages(Queue.MAIL) == 1
    completed(messenger)
    let_pass(messenger, PACE)
    assert mailing.deliver_all() == 0, "nothing else goes to an address that is not verified"
    assert field(client.post(f"{EMAIL}/verification", json={"code": "ABCD-EFGH-IJKL-MNOP"})) == "code"
    verified = client.post(f"{EMAIL}/verification", json={"code": f" {code.lower().replace('-', '')} "}).json()
    assert (verified["address"], verified["pending_address"]) == (ADDRESS, None)
    assert field(client.post(f"{EMAIL}/verification", json={"code": code})) == "code"
    completed(messenger)
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    assert mail.received[-1]["Subject"] == "Genonaut: Job 2 is completed, with 1 output"
    assert code not in "".join(str(one.data) for one in mails(messenger))


def test_a_code_is_mailed_whatever_becomes_of_the_news(
    client: TestClient, mailing: Mailing, mail: MailServer, messenger: Messenger
) -> None:
    client.put(EMAIL, json={"address": ADDRESS})
    client.patch(PREFERENCES, json={"in_app": ["job_failed"], "email": []})
    settings = settings_of(messenger)
    proof = Proof(settings.user_id, signature(settings.secret, settings.user_id))
    assert client.post(f"{EMAIL}/unsubscribe?proof={proof.text}").status_code == 200
    mailing.deliver_all()
    assert [message["Subject"] for message in mail.received] == ["Genonaut: verify your e-mail address"]


def test_the_mailed_link_shows_a_button_and_the_button_verifies(
    client: TestClient, mailing: Mailing, mail: MailServer
) -> None:
    _, link = named(client, mailing, mail)
    page = client.get(link, headers={"Authorization": ""})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<form method="post">' in page.text
    assert client.get(PREFERENCES).json()["address"] is None, "what follows links presses no buttons"
    assert client.post(link).status_code == 200
    assert client.get(PREFERENCES).json()["address"] == ADDRESS
    refused(client.post(link), 404, "link_invalid")


def test_a_code_is_good_for_an_hour_and_only_the_last_one(
    client: TestClient, mailing: Mailing, mail: MailServer, messenger: Messenger
) -> None:
    first, _ = named(client, mailing, mail)
    second, link = named(client, mailing, mail, "eve@example.com")
    assert field(client.post(f"{EMAIL}/verification", json={"code": first})) == "code"
    with messenger.transaction() as session:
        session.exec(update(NotificationSettings).values(code_expires_at=func.now() - timedelta(seconds=1)))
    refused(client.post(link), 404, "link_invalid")
    assert field(client.post(f"{EMAIL}/verification", json={"code": second})) == "code"


def test_five_codes_are_mailed_in_an_hour_and_no_more(client: TestClient, messenger: Messenger) -> None:
    for _ in range(5):
        assert client.put(EMAIL, json={"address": ADDRESS}).status_code == 202
    answer = refused(client.put(EMAIL, json={"address": ADDRESS}), 429, "quota_exceeded")
    assert answer["limit"] == "verification_mails"
    assert [one.state for one in mails(messenger)].count(MailState.PENDING) == 1
    with messenger.transaction() as session:
        session.exec(update(NotificationSettings).values(codes_since=func.now() - timedelta(hours=1)))
    assert client.put(EMAIL, json={"address": ADDRESS}).status_code == 202


def test_one_click_ends_all_mail_and_what_was_owed(
    client: TestClient, mailing: Mailing, mail: MailServer, messenger: Messenger
) -> None:
    code, _ = named(client, mailing, mail)
    client.post(f"{EMAIL}/verification", json={"code": code})
    client.patch(PREFERENCES, json={"email": ["job_completed"], "in_app": ["job_failed"]})
    completed(messenger)
    let_pass(messenger, SETTLES)
    mailing.deliver_all()
    link = mail.received[-1]["List-Unsubscribe"].strip("<>").removeprefix(PUBLIC)
    completed(messenger)
    assert client.get(link).status_code == 200
    assert client.get(PREFERENCES).json()["email"] == ["job_completed"]
    click = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        assert client.post(link, data=click, headers={"Authorization": ""}).status_code == 200
    left = client.get(PREFERENCES).json()
    assert (left["email"], left["in_app"], left["address"]) == ([], ["job_failed"], ADDRESS)
    let_pass(messenger, PACE)
    mailing.deliver_all()
    assert len(mail.received) == 2
    changed = link[:-1] + ("0" if link[-1] != "0" else "1")
    for wrong in (changed, link[:-32], f"{EMAIL}/unsubscribe?proof=%00%ff"):
        refused(client.post(wrong), 404, "link_invalid")


def test_a_forgotten_address_gets_nothing_and_its_links_end(
    client: TestClient, mailing: Mailing, mail: MailServer, messenger: Messenger
) -> None:
    code, _ = named(client, mailing, mail)
    client.post(f"{EMAIL}/verification", json={"code": code})
    client.patch(PREFERENCES, json={"email": ["job_completed"]})
    completed(messenger)
    before = settings_of(messenger).secret
    assert client.delete(EMAIL).status_code == 204
    let_pass(messenger, PACE)
    mailing.deliver_all()
    assert len(mail.received) == 1
    assert settings_of(messenger).secret != before
    assert client.get(PREFERENCES).json()["address"] is None
    assert client.delete(EMAIL).status_code == 204


def test_an_installation_without_a_mail_server_says_so(environ: dict[str, str], key: str) -> None:
    with TestClient(create_app(load_settings(environ), QUICK), headers=bearer(key)) as client:
        refused(client.put(EMAIL, json={"address": ADDRESS}), 409, "mail_unavailable")
        assert client.get(PREFERENCES).json()["sends_mail"] is False
