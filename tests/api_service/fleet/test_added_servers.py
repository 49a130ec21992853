"""Admins add servers, change and remove them; what cannot be is refused by field, and no credential is ever shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import load_settings
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, Scope
from tests.api_service.conftest import bearer
from tests.api_service.conftest import new_key as new_api_key
from tests.api_service.fleet.test_servers import SERVERS, shown
from tests.api_service.quick_api import QUICK
from tests.jobs import ANOTHER, SERVER, answering, claimed, submitted

NEW = "http://gpu-7:8188"


@pytest.fixture
def admin(environ: dict[str, str], messenger: Messenger, key_file: Path) -> Iterator[TestClient]:
    settings = load_settings(
        {**environ, "SECRETS_KEY_FILE": str(key_file), "PUBLIC_URL": "https://api.example.com/jobs"}
    )
    headers = bearer(new_api_key(messenger.engine, Scope.ADMIN))
    with TestClient(create_app(settings, QUICK), headers=headers) as client:
        yield client


def row(messenger: Messenger, name: str = NEW) -> ComfyUIServer:
    with messenger.transaction() as session:
        return session.get_one(ComfyUIServer, name)


def look_at(messenger: Messenger) -> None:
    """A worker sees that it answers."""
    with messenger.transaction() as session:
        session.execute(text("UPDATE comfyui_servers SET last_seen_at = now()"))


def errors(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_fields"), answer.text
    return [(error["field"], error["message"]) for error in answer.json()["errors"]]


def remove(admin: TestClient, server: str = NEW, **query: str) -> Any:
    return admin.delete(SERVERS, params={"server": server, **query})


def test_a_server_that_was_added_is_shown_and_gets_jobs_once_a_worker_saw_it(
    admin: TestClient, messenger: Messenger
) -> None:
    answer = admin.post(SERVERS, json={"url": f"{NEW}/", "slots": 3, "weight": 2, "labels": ["nvlink", "a100"]})
    assert answer.status_code == 201, answer.text
    found = shown(admin)[NEW]
    assert found == answer.json()
    assert (found["state"], found["slots"]["total"], found["weight"]) == ("unreachable", 3, 2.0)
    assert (found["labels"], found["has_credentials"], found["removed_at"]) == (["a100", "nvlink"], False, None)
    submitted(messenger, requires=["a100"])
    assert claimed(messenger, NEW) is None
    look_at(messenger)
    assert claimed(messenger, NEW) is not None


def test_one_that_is_there_is_not_added_again_and_says_how_it_is_changed(
    admin: TestClient, messenger: Messenger
) -> None:
    answering(messenger)
    assert admin.post(SERVERS, json={"url": NEW}).status_code == 201
    for url, why in ((NEW, "it was added"), (SERVER, "COMFYUI_URLS of the workers names it")):
        answer = admin.post(SERVERS, json={"url": url})
        assert (answer.status_code, answer.json()["code"]) == (409, "server_exists")
        assert f"{why}; PATCH changes it" in answer.json()["detail"]


def test_what_is_absent_stays_and_null_is_what_the_settings_say(admin: TestClient, messenger: Messenger) -> None:
    answering(messenger, slots=2)
    first = admin.patch(SERVERS, json={"server": SERVER, "labels": ["a100"], "weight": 3, "slots": 9}).json()
    assert (first["labels"], first["weight"], first["slots"]["total"]) == (["a100"], 3.0, 9)
    second = admin.patch(SERVERS, json={"server": SERVER, "weight": None, "enabled": False}).json()
    assert (second["labels"], second["weight"], second["draining"]) == (["a100"], 1.0, True)
    assert row(messenger, SERVER).by_hand == ["labels", "slots"]
    assert admin.patch(SERVERS, json={"server": SERVER, "enabled": True}).json()["draining"] is False


def test_credentials_are_stored_encrypted_and_shown_nowhere(
    admin: TestClient, messenger: Messenger, key_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    basic = {"user": "ann", "password": "hunter2"}
    answers = [admin.post(SERVERS, json={"url": NEW, "credentials": basic})]
    sealed = row(messenger).credentials
    assert sealed is not None
    assert Vault(key_file).opened(sealed) == {"Authorization": "Basic YW5uOmh1bnRlcjI="}
    header = {"header": "X-API-Key", "value": "hunter2"}
    answers.append(admin.patch(SERVERS, json={"server": NEW, "credentials": header}))
    assert Vault(key_file).opened(row(messenger).credentials or "") == {"X-API-Key": "hunter2"}
    answers.append(admin.get(SERVERS))
    wrong = {"url": ANOTHER, "credentials": {**basic, "value": "hunter2"}}
    answers.append(admin.post(SERVERS, json=wrong))
    assert [answer.status_code for answer in answers] == [201, 200, 200, 422]
    with messenger.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM comfyui_servers")).all())
    everything = "".join([rows, *(answer.text for answer in answers), capfd.readouterr().out])
    assert "hunter2" not in everything
    assert "YW5uOmh1bnRlcjI" not in everything
    assert admin.patch(SERVERS, json={"server": NEW, "credentials": None}).json()["has_credentials"] is False


def test_without_a_key_to_encrypt_them_credentials_are_refused(
    admin: TestClient, messenger: Messenger, key_file: Path
) -> None:
    key_file.unlink()
    body = {"url": NEW, "credentials": {"user": "ann", "password": "hunter2"}}
    ((field, message),) = errors(admin.post(SERVERS, json=body))
    assert field == "credentials"
    assert "the file of SECRETS_KEY_FILE cannot be read" in message
    assert NEW not in shown(admin)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "url", "required"),
        ({"url": "gpu:8188"}, "url", "http://"),
        ({"url": "ftp://gpu"}, "url", "http://"),
        ({"url": "http://ann:pw@gpu"}, "url", "fields of its own"),
        ({"url": "http://gpu#slots=2"}, "url", "fields of its own"),
        ({"url": "http://gpu?x=1"}, "url", "http://"),
        ({"url": "http://" + "g" * 260}, "url", "at most 255"),
        ({"url": "http://testserver"}, "url", "this very service"),
        ({"url": "http://testserver:80/api/"}, "url", "this very service"),
        ({"url": "https://api.example.com/jobs"}, "url", "this very service"),
        ({"url": NEW, "slots": 0}, "slots", "greater than or equal to 1"),
        ({"url": NEW, "slots": 65}, "slots", "less than or equal to 64"),
        ({"url": NEW, "weight": 0}, "weight", "greater than or equal to 0.01"),
        ({"url": NEW, "weight": True}, "weight", "valid number"),
        ({"url": NEW, "weight": "2"}, "weight", "valid number"),
        ({"url": NEW, "labels": ["A100"]}, "labels", "'A100' is no label: a label is 1 to 64 of"),
        ({"url": NEW, "credentials": {"user": "ann"}}, "credentials", "must be `user` and `password`, or"),
        ({"url": NEW, "credentials": {"user": "a:b", "password": "x"}}, "credentials.user", "colon"),
        ({"url": NEW, "credentials": {"header": "Host", "value": "x"}}, "credentials.header", "free to be set"),
        ({"url": NEW, "credentials": {"header": "X-Key", "value": "a\r\nb"}}, "credentials.value", "visible ASCII"),
        ({"url": NEW, "speed": 2}, "speed", "not permitted"),
    ],
)
def test_what_makes_no_server_is_refused_by_field(
    admin: TestClient, body: dict[str, Any], field: str, said: str
) -> None:
    ((found, message),) = errors(admin.post(SERVERS, json=body))
    assert found == field
    assert said in message
    assert shown(admin) == {}


def test_inner_addresses_and_other_paths_of_our_own_host_may_be_added(admin: TestClient) -> None:
    for url in ("http://10.0.0.7:8188", "http://[fd00::1]:8188", "http://testserver/comfy", "http://testserver:8188"):
        assert admin.post(SERVERS, json={"url": url}).status_code == 201, url


def test_one_of_the_settings_is_neither_removed_nor_given_credentials(admin: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    answer = remove(admin, SERVER)
    assert (answer.status_code, answer.json()["code"]) == (409, "server_in_settings")
    assert "drain it, and take it out there" in answer.json()["detail"]
    body = {"server": SERVER, "credentials": {"user": "ann", "password": "x"}}
    assert [field for field, _ in errors(admin.patch(SERVERS, json=body))] == ["credentials"]


def test_a_removed_server_gets_no_jobs_and_is_shown_while_it_has_some(admin: TestClient, messenger: Messenger) -> None:
    admin.post(SERVERS, json={"url": NEW, "labels": ["a100"]})
    look_at(messenger)
    submitted(messenger)
    submitted(messenger)
    assert claimed(messenger, NEW) is not None
    for when in ("drained", "now"):
        answer = remove(admin, when=when)
        assert (answer.status_code, answer.json()["state"], answer.json()["slots"]["used"]) == (200, "draining", 1)
        assert row(messenger).moves_jobs is (when == "now")
    assert claimed(messenger, NEW) is None
    assert list(shown(admin)) == [NEW]
    for deed in ("drain", "resume"):
        assert admin.post(f"{SERVERS}/{deed}", json={"server": NEW}).json()["code"] == "server_not_found"
    assert admin.patch(SERVERS, json={"server": NEW, "weight": 2}).json()["code"] == "server_not_found"
    with messenger.transaction() as session:
        session.execute(text("UPDATE generation_jobs SET status = 'failed' WHERE server IS NOT NULL"))
    assert shown(admin) == {}
    again = admin.post(SERVERS, json={"url": NEW}).json()
    assert (again["state"], again["draining"], again["labels"], again["removed_at"]) == ("up", False, [], None)
    assert claimed(messenger, NEW) is not None


def test_a_server_that_nobody_added_is_neither_changed_nor_removed(admin: TestClient) -> None:
    answers = [remove(admin), admin.patch(SERVERS, json={"server": NEW, "weight": 2})]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "server_not_found")] * 2
    assert [error["field"] for error in remove(admin, when="soon").json()["errors"]] == ["when"]


def test_only_admins_change_servers(client: TestClient) -> None:
    answers = [client.post(SERVERS, json={"url": NEW}), client.patch(SERVERS, json={"server": NEW}), remove(client)]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
