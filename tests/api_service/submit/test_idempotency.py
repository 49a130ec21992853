"""Idempotency-Key: the same request again is the same job again, even fifty times at once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func
from sqlmodel import col, select
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Scope
from tests.api_service.conftest import bearer, new_key, without_notes
from tests.api_service.submit.test_submitting import LEAST, URL, refused
from tests.jobs import job, output, running

AT_ONCE = 50


def post(client: TestClient, key: str, path: str = "", **values: Any) -> Any:
    body = values or LEAST
    return client.post(f"{URL}{path}", json=body, headers={"Idempotency-Key": key})


def jobs_of(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.exec(select(func.count()).select_from(GenerationJob)).one()


def test_the_same_request_again_is_the_same_job_again(client: TestClient, messenger: Messenger) -> None:
    first, again = post(client, "k"), post(client, "k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert without_notes(again.json()) == without_notes(first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert jobs_of(messenger) == 1


def test_it_is_told_as_it_stands_by_then_with_the_seed_that_was_drawn(client: TestClient, messenger: Messenger) -> None:
    first = post(client, "k").json()
    client.post(first["links"]["cancel"])
    again = post(client, "k").json()
    assert (again["status"], again["sampler_params"]) == ("cancelled", first["sampler_params"])


@pytest.mark.parametrize(
    "again",
    [
        b'{"checkpoint_model": "sd15", "prompt": "a cat"}',
        b' {"prompt":"a \\u0063at","checkpoint_model":"sd15"}\n',
        b'{"prompt": "a cat", "checkpoint_model": "sd15", "width": 832, "params": {"cfg": 5.50}}',
        b'{"prompt": "a cat", "checkpoint_model": "sd15", "sampler_params": {"seed": -1}}',
    ],
)
def test_the_same_is_what_asks_for_the_same_however_it_is_written(client: TestClient, again: bytes) -> None:
    first = post(client, "k")
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    response = client.post(URL, content=again, headers=headers)
    assert (response.status_code, response.json()["id"]) == (200, first.json()["id"])


def test_another_request_under_the_same_key_is_refused(client: TestClient, messenger: Messenger) -> None:
    first = post(client, "k").json()
    problem = refused(post(client, "k", **LEAST, width=64), 422, "idempotency_key_reused")
    assert str(first["id"]) in problem["detail"]
    refused(post(client, "k", "bulk", jobs=[LEAST]), 422, "idempotency_key_reused")
    assert jobs_of(messenger) == 1


def test_a_refused_request_leaves_its_key_free(client: TestClient) -> None:
    refused(post(client, "k", workflow={}), 422, "invalid_fields")
    assert post(client, "k").status_code == 201


def test_a_key_is_one_users(client: TestClient, engine: Engine) -> None:
    first = post(client, "k").json()
    another = bearer(new_key(engine, Scope.WRITE, another=True))
    response = client.post(URL, json=LEAST, headers={"Idempotency-Key": "k", **another})
    assert response.status_code == 201
    assert response.json()["id"] != first["id"]


def test_a_key_is_known_for_as_long_as_its_job_is_there(client: TestClient, messenger: Messenger) -> None:
    first = post(client, "k").json()
    with messenger.transaction() as session:
        session.execute(delete(GenerationJob).where(col(GenerationJob.id) == first["id"]))
    assert post(client, "k").status_code == 201


@pytest.mark.parametrize("text", ["!", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~"])
def test_any_visible_characters_are_a_key(client: TestClient, messenger: Messenger, text: str) -> None:
    assert job(messenger, post(client, text).json()["id"]).idempotency_key == text


@pytest.mark.parametrize("text", [b"", b"x" * 256, b"a b", b"a\tb", b"\xc3\xa9"])
def test_anything_else_is_none(client: TestClient, messenger: Messenger, text: bytes) -> None:
    headers = [(b"Idempotency-Key", text), (b"Content-Type", b"application/json")]
    problem = refused(client.post(URL, content=json.dumps(LEAST), headers=headers), 400, "invalid_header")
    assert "Idempotency-Key" in problem["detail"]
    assert jobs_of(messenger) == 0


def test_two_keys_are_none(client: TestClient) -> None:
    headers = [(b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b"), (b"Content-Type", b"application/json")]
    refused(client.post(URL, content=json.dumps(LEAST), headers=headers), 400, "invalid_header")


def at_once(send: Callable[[], Any]) -> list[Any]:
    """What so many threads were answered that sent at the same moment."""
    barrier = Barrier(AT_ONCE)

    def wait_and_send(_: int) -> Any:
        barrier.wait()
        return send()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(wait_and_send, range(AT_ONCE)))


@pytest.mark.broad
def test_fifty_equal_requests_at_once_make_one_job_and_fifty_equal_answers(
    client: TestClient, messenger: Messenger
) -> None:
    answers = at_once(lambda: post(client, "k"))
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert all(without_notes(answer.json()) == without_notes(answers[0].json()) for answer in answers)
    assert jobs_of(messenger) == 1


@pytest.mark.broad
def test_fifty_equal_batches_at_once_make_one_batch(client: TestClient, messenger: Messenger) -> None:
    answers = at_once(lambda: post(client, "k", "bulk", jobs=[LEAST, LEAST, LEAST]))
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert all(without_notes(answer.json()) == without_notes(answers[0].json()) for answer in answers)
    assert jobs_of(messenger) == 3


@pytest.mark.broad
def test_fifty_different_requests_under_one_key_make_one_job(client: TestClient, messenger: Messenger) -> None:
    numbers = iter(range(AT_ONCE))
    answers = at_once(lambda: post(client, "k", **LEAST, sampler_params={"seed": next(numbers)}))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * (AT_ONCE - 1)
    assert jobs_of(messenger) == 1


@pytest.mark.broad
def test_fifty_equal_retries_at_once_make_one_job(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    answers = at_once(lambda: post(client, "k", f"{claim.job.id}/retry", seed="new"))
    assert sorted(answer.status_code for answer in answers) == [200] * (AT_ONCE - 1) + [201]
    assert all(without_notes(answer.json()) == without_notes(answers[0].json()) for answer in answers)
    assert jobs_of(messenger) == 2
