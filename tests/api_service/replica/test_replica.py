"""Lists come from a replica, and nobody can tell: what was written is there, and what befalls it costs no answer."""

from typing import Any

import pytest

from shared.configuration.settings import Settings
from shared.jobs.urls import JOBS
from shared.messaging.messenger import Messenger
from tests.api_service.replica.conftest import Api, api_with
from tests.chaos.alerts.troubles import BODY
from tests.deploy_local.watching import until
from tests.jobs import submitted
from tests.replicas import Pair

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

LISTS = (
    JOBS,
    f"{JOBS}?status=queued",
    f"{JOBS}?text=cat",
    f"{JOBS}/stats",
    "/api/v2/jobs",
    "/api/v1/failures",
    "/api/v1/tasks",
    "/api/v1/assets",
    "/api/v1/usage",
    "/api/v1/overview",
    "/history",
    "/api/jobs",
)


def ids(listed: Any) -> list[int]:
    return [job["id"] for job in listed["items"]]


def submit(api: Api) -> int:
    answer = api.client.post(JOBS, json=BODY)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_lists_are_read_from_the_replica(api: Api) -> None:
    for read, path in enumerate(LISTS, 1):
        api.get(path)
        assert (api.reads("replica"), api.reads("primary")) == (read, 0), path


def test_who_wrote_sees_it_in_each_list_while_the_replica_follows(api: Api, another_api: Api) -> None:
    made = []
    for _ in range(20):
        made.append(submit(api))
        assert ids(api.get(JOBS)) == made[::-1]
        assert ids(another_api.get(JOBS)) == made[::-1], "which has not heard of what was written elsewhere"
    assert api.reads("replica") + another_api.reads("replica") > 0


def test_a_replica_that_is_behind_is_not_read_from(
    api: Api, another_api: Api, pair: Pair, messenger: Messenger
) -> None:
    pair.replica.fall_behind()
    try:
        made = submit(api)
        assert ids(api.get(JOBS)) == [made]
        assert ids(another_api.get(JOBS)) == [made]
        by_a_worker = submitted(messenger)
        assert ids(another_api.get(JOBS)) == [by_a_worker, made], "which no API has written"
        assert api.reads("replica") == another_api.reads("replica") == 0
        until(lambda: not api.is_fit)
    finally:
        pair.replica.catch_up()
    until(lambda: api.is_fit)
    before = api.reads("primary")
    assert ids(api.get(JOBS)) == [by_a_worker, made]
    assert (api.reads("replica"), api.reads("primary")) == (1, before)


def test_its_lag_is_shown(api: Api, pair: Pair) -> None:
    def lag() -> float:
        found = api.registry.get_sample_value("genonaut_replica_lag_seconds")
        assert found is not None
        return found

    assert 0 <= lag() < 1
    pair.replica.fall_behind()
    try:
        submit(api)
        until(lambda: lag() > 1)
    finally:
        pair.replica.catch_up()
    until(lambda: lag() < 1)


def test_one_that_dies_costs_no_answer_and_is_read_from_again(api: Api, pair: Pair) -> None:
    made = submit(api)
    api.get(JOBS)
    pair.replica.stop()
    for _ in range(3):
        assert ids(api.get(JOBS)) == [made]
    until(lambda: not api.is_fit)
    pair.replica.serve_again()
    until(lambda: api.is_fit)
    before = api.reads("replica")
    assert ids(api.get(JOBS)) == [made]
    assert api.reads("replica") == before + 1


def test_one_that_hangs_costs_no_answer(api: Api, pair: Pair) -> None:
    made = submit(api)
    api.get(JOBS)
    with pair.replica.frozen():
        assert ids(api.get(JOBS)) == [made]
        assert not api.is_fit
        assert ids(api.get(JOBS)) == [made]
    until(lambda: api.is_fit)


def test_an_api_starts_without_it(settings: Settings, key: str, pair: Pair) -> None:
    pair.replica.stop()
    try:
        with api_with(settings, key, is_fit=False) as api:
            made = submit(api)
            assert ids(api.get(JOBS)) == [made]
            pair.replica.serve_again()
            until(lambda: api.is_fit)
            assert ids(api.get(JOBS)) == [made]
            assert api.reads("replica") == 1
    finally:
        if not pair.replica.process.running:
            pair.replica.serve_again()
