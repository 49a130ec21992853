"""The list of the Comfy API: the newest first, page by page, by labels."""

from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.workflows.opaque_names import job_id_of
from tests.api_service.comfy_v2.contract import JOBS, posted, refused
from tests.api_service.conftest import bearer, new_key
from tests.api_service.jobs.lists import added
from tests.simulator.graphs import txt2img


def walked(client: TestClient, **query: Any) -> list[list[int | None]]:
    """The numbers of the jobs of page after page."""
    pages: list[list[int | None]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(JOBS, params={**query, **cursor}).json()
        pages.append([job_id_of(item["id"]) for item in page["jobs"]])
        if "next_cursor" not in page:
            return pages
        cursor = {"cursor": page["next_cursor"]}


def test_pages_follow_each_other_and_the_last_has_no_cursor(client: TestClient, messenger: Messenger) -> None:
    first, second, third, fourth, fifth = added(messenger, 5)
    assert walked(client, limit=2) == [[fifth, fourth], [third, second], [first]]
    assert walked(client, limit=5) == [[fifth, fourth, third, second, first]]
    assert walked(client) == walked(client, limit=5)


def test_an_empty_list_is_a_page(client: TestClient) -> None:
    assert client.get(JOBS).json() == {"jobs": []}


def test_an_item_is_a_record_of_the_job(client: TestClient) -> None:
    made = posted(client, txt2img(), metadata={"run": "7"})
    (item,) = client.get(JOBS).json()["jobs"]
    assert item.pop("update_time") >= item["create_time"]
    assert item == {
        "id": made["id"],
        "status": "queued",
        "create_time": made["created_at"],
        "deployment_id": None,
        "metadata": {"run": "7"},
    }


def test_jobs_are_found_by_all_of_their_labels(client: TestClient, messenger: Messenger) -> None:
    both, one, other, colon = (
        added(messenger, 1, caller_metadata=labels)[0]
        for labels in ({"a": "1", "b": "x y"}, {"a": "1"}, {"a": "2"}, {"a": "1:2\\"})
    )
    for wanted, query in (
        ({both, one}, {"metadata[a]": "1"}),
        ({both}, {"metadata[a]": "1", "metadata[b]": "x y"}),
        ({other}, {"metadata[a]": "2"}),
        ({colon}, {"metadata[a]": "1:2\\"}),
        (set(), {"metadata[a]": ""}),
        (set(), {"metadata[c]": "1"}),
    ):
        assert {number for page in walked(client, **query) for number in page} == wanted, query


@pytest.mark.parametrize(
    "query",
    [
        "metadata=1",
        "metadata[]=1",
        "metadata[a=1",
        "metadata[a]b=1",
        "metadata[a b]=1",
        "metadata[a][b]=1",
        f"metadata[{'k' * 41}]=1",
        f"metadata[a]={'v' * 257}",
        "metadata[a]=%00",
        "metadata[a]=%ff%fe%E2%80%AE",
        "metadata[a]=1&metadata[a]=2",
        "metadata[a]=1&metadata[b]=2&metadata[c]=3&metadata[d]=4",
    ],
)
def test_a_wrong_filter_is_refused(client: TestClient, query: str) -> None:
    refused(client.get(f"{JOBS}?{query}"), 400, "invalid_metadata_filter")


@pytest.mark.parametrize("cursor", ["", "x", "é", "x" * 5000, "%00"])
def test_a_wrong_cursor_is_refused(client: TestClient, cursor: str) -> None:
    refused(client.get(f"{JOBS}?cursor={cursor}"), 400, "invalid_cursor")


def test_a_cursor_is_good_for_its_own_list_alone(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    added(messenger, 2, caller_metadata={"a": "1"})
    cursor = client.get(JOBS, params={"limit": 1}).json()["next_cursor"]
    refused(client.get(JOBS, params={"cursor": cursor, "metadata[a]": "1"}), 400, "invalid_cursor")
    another = bearer(new_key(engine, another=True))
    refused(client.get(JOBS, params={"cursor": cursor}, headers=another), 400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "x", "", "9" * 5000, "٣"])
def test_a_wrong_limit_is_refused(client: TestClient, limit: str) -> None:
    error = refused(client.get(JOBS, params={"limit": limit}), 400, "invalid_request")
    assert "1 to 100" in error.message


def test_others_jobs_are_not_listed_and_other_parameters_say_nothing(
    client: TestClient, messenger: Messenger, engine: Engine
) -> None:
    added(messenger, 1)
    assert walked(client, whatever="1") != [[]]
    assert client.get(JOBS, headers=bearer(new_key(engine, another=True))).json() == {"jobs": []}
