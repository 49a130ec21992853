"""Server-sent events of a job: from the first, or from whichever the client heard last, to the end."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.testclient import TestClient

from api_service import main
from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.v1.streams.event_follower import EventFollower
from api_service.doors.v1.streams.queries import EventsQuery
from api_service.http.operations import NOTHING, ParsedRequest
from api_service.streams.timings import StreamTimings
from deploy.local.valkey import Valkey
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.messaging.opening import open_messenger
from shared.models import EventType, GenerationJob, JobStatus, Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.serving import served
from tests.api_service.streams.test_websocket import progress
from tests.jobs import USER, new_job, output, running, submitted

COMMENT = ": \n\n"


def path(job_id: int) -> str:
    return f"/api/v1/generation-jobs/{job_id}/events"


def completed(messenger: Messenger) -> int:
    """A job that has had three events: queued, started, completed."""
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return claim.job.id


def told(text: str) -> list[dict[str, Any]]:
    """The events of a whole answer."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


def test_the_whole_story_of_a_job_is_told_and_ends(client: TestClient, messenger: Messenger) -> None:
    job_id = completed(messenger)
    answer = client.get(path(job_id))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert answer.text.startswith("retry: 2000\n\n")
    found = told(answer.text)
    assert [(one["id"], one["event"]) for one in found] == [("1", "queued"), ("2", "started"), ("3", "completed")]
    assert [one["data"]["sequence"] for one in found] == [1, 2, 3]
    assert found[-1]["data"]["data"]["outputs"][0]["url"].endswith(f"{job_id}/outputs/0")


@pytest.mark.parametrize(
    ("headers", "query", "heard"),
    [
        ({"Last-Event-ID": "1"}, "", ["2", "3"]),
        ({}, "?last_event_id=2", ["3"]),
        ({"Last-Event-ID": "2"}, "?last_event_id=0", ["3"]),
        ({"Last-Event-ID": ""}, "", ["1", "2", "3"]),
    ],
)
def test_it_goes_on_after_the_event_that_was_heard_last(
    client: TestClient, messenger: Messenger, headers: dict[str, str], query: str, heard: list[str]
) -> None:
    found = told(client.get(path(completed(messenger)) + query, headers=headers).text)
    assert [one["id"] for one in found] == heard


@pytest.mark.parametrize("last", ["3", "4", "2147483647"])
def test_who_heard_the_end_is_told_not_to_come_again(client: TestClient, messenger: Messenger, last: str) -> None:
    answer = client.get(path(completed(messenger)), headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_job_of_the_former_system_has_nothing_to_tell(client: TestClient, messenger: Messenger) -> None:
    with messenger.transaction() as session:
        job: GenerationJob = new_job()
        job.status = JobStatus.COMPLETED
        session.add(job)
        session.flush()
        job_id = job.id
    assert client.get(path(job_id)).status_code == 204


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99999999999"])
def test_an_id_that_is_none_is_refused(client: TestClient, messenger: Messenger, last: str) -> None:
    job_id = completed(messenger)
    for answer in (
        client.get(path(job_id), headers={"Last-Event-ID": last}),
        client.get(path(job_id), params={"last_event_id": last}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_query")


def test_the_job_of_another_answers_like_none(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    job_id = completed(messenger)
    theirs = client.get(path(job_id), headers=bearer(new_key(engine, another=True)))
    absent = client.get(path(9999))
    for answer in (theirs, absent, client.get(path(0))):
        assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
    assert theirs.json()["detail"].replace(str(job_id), "9999") == absent.json()["detail"]


def test_head_ends_at_once(client: TestClient, messenger: Messenger) -> None:
    answer = client.head(path(submitted(messenger)))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.system
def test_events_come_as_they_happen_and_previews_to_those_who_ask(
    environ: dict[str, str], key: str, messenger: Messenger, tmp_path: Path
) -> None:
    claim = running(messenger)
    job_id = claim.job.id
    progress(messenger, job_id, 1)
    with (
        served(environ, key, tmp_path) as api,
        api.follow(f"{path(job_id)}?previews=true") as asking,
        api.follow(path(job_id)) as plain,
    ):
        for following in (asking, plain):
            found = [following.next() for _ in range(3)]
            assert [(one or {})["event"] for one in found] == ["queued", "started", "processing"]
            assert "id" not in (found[-1] or {})
        messenger.publish(
            Event.live(EventType.PREVIEW, claim.job, at=datetime.now(UTC), tick=1, data={"image": "AAAA"})
        )
        progress(messenger, job_id, 2)
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim)])
        assert [one["event"] for one in plain.until_the_end()] == ["processing", "completed"]
        assert sorted(one["event"] for one in asking.until_the_end()) == ["completed", "preview", "processing"]


def test_while_nothing_happens_comments_show_that_the_stream_lives(settings: Settings, messenger: Messenger) -> None:
    claim = running(messenger)
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)
        if text == COMMENT and sent.count(COMMENT) == 2:
            with messenger.transaction() as session:
                lifecycle.complete(session, claim.lease, [output(claim)])

    async def story() -> None:
        async with main.running(settings, StreamTimings(comment_after_s=0.05)) as services:
            identity = Identity(USER, "a-key", frozenset({Scope.READ}), {})
            http = Request({"type": "http"})
            request = ParsedRequest(http, services, Charge(identity), NOTHING, EventsQuery())
            follower = EventFollower(request, claim.job.id, after=0)
            await follower.send_events(send)

    asyncio.run(story())
    assert sent[3:5] == [COMMENT, COMMENT]
    assert [one["id"] for one in told("".join(sent))] == ["1", "2", "3"]


@pytest.mark.system
def test_a_client_that_comes_again_through_an_outage_of_redis_misses_nothing(
    environ: dict[str, str], key: str, engine: Engine, tmp_path: Path
) -> None:
    with Valkey.start(tmp_path / "valkey", tmp_path / "valkey.log") as valkey:
        variables = {**environ, "REDIS_URL": valkey.url(3)}
        settings = load_settings(variables)
        messenger = open_messenger(engine, settings)
        claim = running(messenger)
        with served(variables, key, tmp_path) as api:
            with api.follow(path(claim.job.id)) as following:
                heard = [following.next(), following.next()]
                valkey.stop()
                with messenger.transaction() as session:
                    cancel_one(session, claim.job.id)
                heard.append(following.next())
            assert [(one or {})["id"] for one in heard] == ["1", "2", "3"]
            with api.follow(path(claim.job.id), **{"Last-Event-ID": "3"}) as following:
                valkey.restart()
                messenger.redis_away.silent_until = 0.0
                with messenger.transaction() as session:
                    lifecycle.confirm_cancel(session, claim.lease)
                assert [one["id"] for one in following.until_the_end()] == ["4"]
            with api.follow(path(claim.job.id), **{"Last-Event-ID": "4"}) as following:
                assert following.response.status_code == 204
        messenger.close()
