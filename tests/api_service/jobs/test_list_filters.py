"""Filters of GET /api/v1/generation-jobs/: they choose, hold together, and are refused by name."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import JobStatus, Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.jobs.lists import URL, added, found
from tests.jobs import ANOTHER_USER, USER


def test_filters_choose_and_hold_together(client: TestClient, messenger: Messenger) -> None:
    batch = uuid4()
    plain = added(messenger, 2)
    (failed,) = added(messenger, 1, status=JobStatus.FAILED, checkpoint_model="other.safetensors")
    (raw,) = added(messenger, 1, job_type="workflow", batch_id=batch, created_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert set(found(client, "status=queued")) == {*plain, raw}
    assert set(found(client, "status=queued&status=failed&status=failed")) == {*plain, raw, failed}
    assert found(client, "checkpoint=other.safetensors") == [failed]
    assert found(client, "type=workflow") == [raw]
    assert found(client, f"batch={batch}") == [raw]
    assert found(client, "created_before=2021-01-01T00:00:00Z") == [raw]
    assert set(found(client, "created_after=2021-01-01T00:00:00Z")) == {*plain, failed}
    assert found(client, "created_after=2020-01-01T00:00:00Z&created_before=2020-01-01T00:00:00.000001Z") == [raw]
    assert found(client, "created_before=2020-01-01T00:00:00%2B00:00") == []
    assert found(client, "status=failed&type=workflow") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lighthouse", {0, 1}),
        ("LIGHTHOUSE dusk", {0}),
        ('"at dusk"', {0}),
        ('"dusk at"', set()),
        ("dusk or fox", {0, 2}),
        ("lighthouse -dusk", {1}),
        ("!!!", set()),
        ("' ; DROP TABLE", set()),
        ("%", set()),
    ],
)
def test_words_of_the_prompt(client: TestClient, messenger: Messenger, text: str, expected: set[int]) -> None:
    prompts = ("a lighthouse at dusk", "A Lighthouse, noon", "the fox")
    jobs = [added(messenger, 1, prompt=prompt)[0] for prompt in prompts]
    assert set(found(client, f"text={quote(text)}")) == {jobs[number] for number in expected}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (["project"], {0, 1, 2}),
        (["project:apollo"], {0}),
        (["project:apollo", "shot"], {0}),
        (["project:apollo", "shot:8"], set()),
        (["shot:7"], {0, 1}),
        (["shot:7.0"], {0}),
        (["final:true"], {0}),
        (["final:null"], {1}),
        (["project:"], {2}),
        (["a\\:b:c:d"], {2}),
        (["a"], set()),
        (["shot:1e5"], set()),
        (["shot:NaN"], set()),
    ],
)
def test_the_callers_metadata(
    client: TestClient, messenger: Messenger, metadata: list[str], expected: set[int]
) -> None:
    documents: list[dict[str, Any]] = [
        {"project": "apollo", "shot": 7, "final": True},
        {"project": "gemini", "shot": "7", "final": None},
        {"project": "", "a:b": "c:d"},
    ]
    jobs = [added(messenger, 1, caller_metadata=document)[0] for document in documents]
    added(messenger, 1)
    response = client.get(URL, params={"metadata": metadata})
    assert {item["id"] for item in response.json()["items"]} == {jobs[number] for number in expected}


@pytest.mark.parametrize(
    ("requires", "expected"),
    [(["a100"], {0, 1}), (["a100", "nvlink"], {0}), (["nvlink", "a100", "a100"], {0}), (["h100"], set())],
)
def test_labels_that_jobs_ask_for(
    client: TestClient, messenger: Messenger, requires: list[str], expected: set[int]
) -> None:
    asked_for: list[list[str] | None] = [["a100", "nvlink"], ["a100"], ["l4"], None]
    jobs = [added(messenger, 1, requires=labels)[0] for labels in asked_for]
    response = client.get(URL, params={"requires": requires})
    assert {item["id"] for item in response.json()["items"]} == {jobs[number] for number in expected}


def test_a_page_of_labels_goes_on_however_they_are_ordered(client: TestClient, messenger: Messenger) -> None:
    jobs = added(messenger, 3, requires=["a100", "nvlink"])
    page = client.get(f"{URL}?requires=a100&requires=nvlink&limit=2").json()
    after = client.get(f"{URL}?requires=nvlink&requires=a100&requires=a100&limit=2&cursor={page['cursor']}").json()
    assert [item["id"] for item in page["items"] + after["items"]] == jobs[::-1]


def test_a_time_long_ago_is_looked_through_from_there(client: TestClient, messenger: Messenger) -> None:
    old = added(messenger, 3, created_at=datetime(2020, 1, 1, tzinfo=UTC), caller_metadata={"project": "apollo"})
    added(messenger, 2, caller_metadata={"project": "apollo"})
    assert set(found(client, "metadata=project:apollo&created_before=2021-01-01T00:00:00Z&limit=2")) == set(old)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("order=up", "order"),
        ("status=done", "status[0]"),
        ("status=", "status[0]"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("created_after=yesterday", "created_after"),
        ("created_after=0001-01-01T00:00:00%2B00:01", "created_after"),
        ("created_before=9999-12-31T23:59:59-00:01", "created_before"),
        ("batch=1", "batch"),
        ("text=%00", "text"),
        ("text=", "text"),
        ("type=%00", "type"),
        ("checkpoint=%00", "checkpoint"),
        ("metadata=%00", "metadata[0]"),
        ("metadata=:x", "metadata[0]"),
        ("metadata=", "metadata[0]"),
        ("requires=", "requires[0]"),
        ("requires=A100", "requires[0]"),
        ("&".join(["requires=a100"] * 17), "requires"),
        ("user_id=me", "user_id"),
        ("page=2", "page"),
        (f"cursor={'A' * 101}", "cursor"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(client: TestClient, query: str, field: str) -> None:
    response = client.get(f"{URL}?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_query")
    assert response.json()["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize("offset", ["%2B23:59", "-23:59", "%2B16:00", "Z"])
def test_a_moment_may_have_any_offset_that_there_is(client: TestClient, messenger: Messenger, offset: str) -> None:
    (job,) = added(messenger, 1)
    assert found(client, f"created_after=2026-01-01T00:00:00{offset}") == [job]
    assert found(client, f"created_before=2026-01-01T00:00:00{offset}") == []


def test_others_jobs_are_for_admins(client: TestClient, messenger: Messenger) -> None:
    (mine,), (theirs,) = added(messenger, 1), added(messenger, 1, user_id=ANOTHER_USER)
    assert found(client) == found(client, f"user_id={USER}") == [mine]
    for user in (ANOTHER_USER, UUID(int=99), "all"):
        assert client.get(f"{URL}?user_id={user}").json()["code"] == "forbidden"
    client.headers.update(bearer(new_key(messenger.engine, Scope.ADMIN)))
    assert found(client) == [mine]
    assert found(client, f"user_id={ANOTHER_USER}") == [theirs]
    assert set(found(client, "user_id=all")) == {mine, theirs}
    for query in ("status=queued&status=failed", "type=image", "text=cat", "checkpoint=random_sd15.safetensors"):
        assert set(found(client, f"user_id=all&{query}")) == {mine, theirs}
    assert found(client, f"user_id={UUID(int=99)}") == []
