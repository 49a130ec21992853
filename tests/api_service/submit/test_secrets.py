"""Keys for API nodes are stored encrypted where that can be done, refused by field where not, and repeated nowhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.jobs.extra_data import LONGEST_SECRET, SECRETS
from api_service.main import create_app
from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.api_service.submit.test_idempotency import jobs_of
from tests.api_service.submit.test_resubmitting import retry
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.api_service.submit.test_workflows import WORKFLOW
from tests.jobs import job
from tests.traces import tables_with

SECRET, OTHER = "comfyui-hunter2hunter2", "eyJhbGciOi.hunter2_-~+/=="
BOTH_SECRETS = dict(zip(SECRETS, (SECRET, OTHER), strict=True))


@pytest.fixture
def safe(settings: Settings, key: str, key_file: Path) -> Iterator[TestClient]:
    """A client of an API that can encrypt."""
    app = create_app(settings.model_copy(update={"secrets_key_file": key_file}), QUICK)
    with TestClient(app, headers=bearer(key)) as client:
        yield client


def post(client: TestClient, path: str = "", /, **extra_data: Any) -> Any:
    return client.post(f"{URL}{path}", json={**LEAST, "extra_data": extra_data})


@pytest.mark.parametrize("what", [LEAST, {"workflow": WORKFLOW}])
def test_they_are_stored_encrypted_and_shown_nowhere(
    safe: TestClient,
    messenger: Messenger,
    key_file: Path,
    capfd: pytest.CaptureFixture[str],
    what: dict[str, Any],
) -> None:
    body = {**what, "extra_data": BOTH_SECRETS}
    answers = [
        safe.post(URL, json=body, headers={"Idempotency-Key": "k"}),
        safe.post(f"{URL}bulk", json={"jobs": [LEAST, body]}),
        safe.post(f"{URL}validate", json=body),
    ]
    one, batch, _ = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [201, 201, 200]
    for job_id in (one["id"], batch["jobs"][1]["id"]):
        kept = job(messenger, job_id)
        assert Vault(key_file).opened(kept.secrets or "") == BOTH_SECRETS
        assert kept.secret_names == list(SECRETS)
    assert job(messenger, batch["jobs"][0]["id"]).secrets is None
    shown = [*answers, safe.get(URL), *(safe.get(f"{URL}{one['id']}{part}") for part in ("", "?include=all"))]
    told = "".join(answer.text for answer in shown) + "".join(capfd.readouterr())
    assert "hunter2" not in told
    assert (job(messenger, one["id"]).secrets or "?") not in told, "not even encrypted"
    assert tables_with(messenger.engine, "hunter2") == []


@pytest.mark.parametrize("names", [("api_key_comfy_org",), ("auth_token_comfy_org",), SECRETS])
def test_without_a_key_to_encrypt_with_they_are_refused_by_field(
    client: TestClient, capfd: pytest.CaptureFixture[str], names: tuple[str, ...]
) -> None:
    given = {name: BOTH_SECRETS[name] for name in names}
    for answer, place in (
        (post(client, **given), ""),
        (post(client, "validate", **given), ""),
        (client.post(f"{URL}bulk", json={"jobs": [LEAST, {**LEAST, "extra_data": given}]}), "jobs[1]."),
    ):
        errors = refused(answer, 422, "invalid_fields")["errors"]
        assert [(error["field"], error["code"]) for error in errors] == [
            (f"{place}extra_data.{name}", "secret_not_taken") for name in names
        ]
        assert errors[0]["message"] == (
            "is not taken: it could not be stored encrypted, as SECRETS_KEY_FILE is not set"
        )
        assert "hunter2" not in answer.text + "".join(capfd.readouterr())


def test_a_file_that_is_of_no_use_is_named_and_one_that_comes_back_is_used(safe: TestClient, key_file: Path) -> None:
    kept = key_file.read_text()
    key_file.unlink()
    (error,) = refused(post(safe, api_key_comfy_org=SECRET), 422, "invalid_fields")["errors"]
    assert "the file of SECRETS_KEY_FILE cannot be read: No such file or directory" in error["message"]
    assert str(key_file) not in error["message"]
    assert post(safe).status_code == 201, "other jobs need none"
    key_file.write_text(kept)
    assert post(safe, api_key_comfy_org=SECRET).status_code == 201


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "value",
    [
        *("", "hunter2", "hunter2 hunter2", "hunter2hunter2\n", "hunter2hunter2\0", 'hunter2"hunter2', "hunter2é" * 9),
        *("hunter2 " * LONGEST_SECRET, "x" * (LONGEST_SECRET + 1)),
        *({"a": "hunter2hunter2"}, ["hunter2hunter2"], 1234567890, True),
    ],
)
def test_what_is_no_token_is_refused_and_not_repeated(
    safe: TestClient, capfd: pytest.CaptureFixture[str], name: str, value: Any
) -> None:
    answer = post(safe, **{name: value})
    (error,) = refused(answer, 422, "invalid_fields")["errors"]
    assert error["field"] == f"extra_data.{name}"
    assert "hunter2" not in answer.text + "".join(capfd.readouterr())


def test_null_is_none(client: TestClient, messenger: Messenger) -> None:
    made = post(client, api_key_comfy_org=None, auth_token_comfy_org=None)
    assert made.status_code == 201
    assert job(messenger, made.json()["id"]).secret_names is None


def test_the_same_request_with_a_newer_token_is_the_same_request(safe: TestClient, messenger: Messenger) -> None:
    def sent(**extra_data: str) -> Any:
        return safe.post(URL, json={**LEAST, "extra_data": extra_data}, headers={"Idempotency-Key": "k"})

    first, again = sent(auth_token_comfy_org=SECRET), sent(auth_token_comfy_org=OTHER)
    assert (first.status_code, again.status_code) == (201, 200)
    assert jobs_of(messenger) == 1
    for other in ({}, {"api_key_comfy_org": SECRET}, {"auth_token_comfy_org": SECRET, "api_key_comfy_org": SECRET}):
        refused(sent(**other), 422, "idempotency_key_reused")


def test_the_digest_of_a_request_is_no_help_in_guessing_a_secret(safe: TestClient, messenger: Messenger) -> None:
    made = [
        safe.post(
            URL, json={**LEAST, "extra_data": {"api_key_comfy_org": secret}}, headers={"Idempotency-Key": f"k{number}"}
        ).json()
        for number, secret in enumerate((SECRET, OTHER))
    ]
    first, second = (job(messenger, one["id"]) for one in made)
    assert first.request_digest == second.request_digest


def test_a_retry_runs_without_and_says_so(safe: TestClient, messenger: Messenger) -> None:
    parent = post(safe, **BOTH_SECRETS).json()
    safe.post(parent["links"]["cancel"])
    assert job(messenger, parent["id"]).secrets is None
    answer = retry(safe, parent["id"])
    assert answer.status_code == 201
    assert any("api_key_comfy_org, auth_token_comfy_org" in note for note in answer.json()["notes"])
    assert job(messenger, answer.json()["id"]).secrets is None
    assert "submit the job once more" in "".join(answer.json()["notes"])
    for plain in (LEAST, {"workflow": WORKFLOW}):
        other = safe.post(URL, json=plain).json()
        safe.post(other["links"]["cancel"])
        assert not any("comfy_org" in note for note in retry(safe, other["id"]).json()["notes"])


def test_a_deleted_job_leaves_nothing_of_them(safe: TestClient, engine: Engine) -> None:
    made = post(safe, **BOTH_SECRETS).json()
    assert tables_with(engine, "gAAAAA") == ["generation_jobs"]
    safe.post(made["links"]["cancel"])
    assert tables_with(engine, "gAAAAA") == []
    assert safe.delete(made["links"]["self"]).status_code == 204
    assert tables_with(engine, "comfy_org") == []
