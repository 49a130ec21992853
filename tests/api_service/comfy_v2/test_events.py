"""The events of the Comfy API: the state first, each change after that, and outputs before the end."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from comfy_low.models import Output, PreviewEvent, Progress, StatusEvent
from pydantic import BaseModel
from starlette.requests import Request
from starlette.testclient import TestClient

from api_service import main
from api_service.accounts.charge import Charge
from api_service.accounts.identity import Identity
from api_service.doors.comfy_v2.following import Following
from api_service.doors.comfy_v2.names.places import AnyQuery
from api_service.http.operations import NOTHING, ParsedRequest
from api_service.main import create_app
from api_service.streams.timings import StreamTimings
from shared.configuration.settings import Settings, load_settings
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import NodeFailed
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, Scope
from shared.workflows.opaque_names import job_name, output_name
from tests.api_service.comfy_v2.contract import JOBS, held, refused
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.api_service.serving import EventReader, served_here
from tests.api_service.streams.test_websocket import progress
from tests.jobs import USER, output, running, submitted

COMMENT = ": \n\n"
MODELS: dict[str, type[BaseModel]] = {
    "status": StatusEvent,
    "progress": Progress,
    "preview": PreviewEvent,
    "output": Output,
}


def path(job_id: int) -> str:
    return f"{JOBS}/{job_name(job_id)}/events"


def told(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a whole answer, each as the contract has it."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
            held(MODELS[fields["event"]], found[-1][1])
            assert set(fields) == {"event", "data"}, "events carry no id"
    return found


def complete(messenger: Messenger, claim: Claim) -> None:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim), output(claim, 1)])


def test_who_comes_late_gets_the_outputs_before_the_end(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    complete(messenger, claim)
    answer = client.get(path(claim.job.id))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    (_, first), (_, second), (_, last) = found = told(answer.text)
    assert [name for name, _ in found] == ["output", "output", "status"]
    assert [first["id"], second["id"]] == [output_name(claim.job.id, number) for number in (0, 1)]
    assert last == {"status": "succeeded", "queue_position": None}


def test_a_job_that_failed_or_was_cancelled_ends_with_that(client: TestClient, messenger: Messenger) -> None:
    claim, waiting = running(messenger), submitted(messenger)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, NodeFailed("3", "KSampler", "ValueError", "bad"))
        cancel_one(session, waiting)
    for job_id, status in ((claim.job.id, "failed"), (waiting, "canceled")):
        assert [(name, data["status"]) for name, data in told(client.get(path(job_id)).text)] == [("status", status)]


def test_head_ends_at_once(client: TestClient, messenger: Messenger) -> None:
    answer = client.head(path(submitted(messenger)))
    assert (answer.status_code, answer.content) == (200, b"")


@contextmanager
def followed(environ: dict[str, str], key: str, *job_ids: int) -> Iterator[list[EventReader]]:
    with served_here(environ, key) as api, ExitStack() as opened:
        yield [opened.enter_context(api.follow(path(job_id))) for job_id in job_ids]


def named(events: list[dict[str, Any]]) -> list[str]:
    return [one["data"].get("status") or one["event"] for one in events]


@pytest.mark.system
def test_events_come_as_they_happen_and_previews_to_jobs_that_ask(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    asking, plain = running(messenger, params={"previews": True}), running(messenger)
    claims = (asking, plain)
    with followed(environ, key, *(claim.job.id for claim in claims)) as readers:
        for reader in readers:
            assert (reader.next() or {})["data"] == {"status": "running", "queue_position": None}
        for claim in claims:
            progress(messenger, claim.job.id, 1)
            data = {"media_type": "image/jpeg", "image": "AAAA"}
            messenger.publish(Event.live(EventType.PREVIEW, claim.job, at=datetime.now(UTC), tick=2, data=data))
        for reader in readers:
            first = reader.next() or {}
            assert first["event"] in {"progress", "preview"}
        for claim in claims:
            complete(messenger, claim)
        with_previews, without = (named(reader.until_the_end()) for reader in readers)
    assert without == ["output", "output", "succeeded"]
    assert with_previews[-3:] == ["output", "output", "succeeded"]
    assert len(with_previews) == 4


@pytest.mark.system
def test_of_progress_that_comes_quickly_the_latest_is_told(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    claim = running(messenger)
    progress(messenger, claim.job.id, 1)
    with followed(environ, key, claim.job.id) as (reader,):
        assert [(reader.next() or {})["event"] for _ in range(2)] == ["status", "progress"]
        for tick in range(2, 21):
            progress(messenger, claim.job.id, tick)
        steps = []
        while 20 not in steps:
            steps.append((reader.next() or {})["data"]["step"])
        assert len(steps) < 10, "not each of nineteen"


def test_progress_is_complete_each_time(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger)
    progress(messenger, claim.job.id, 5)
    job = client.get(path(claim.job.id).removesuffix("/events")).json()
    held(Progress, job["progress"])
    assert (job["progress"]["value"], job["progress"]["step"], job["progress"]["steps"]) == (0.05, 5, 20)
    assert job["progress"]["message"] == "KSampler 5/20"
    assert job["progress"]["nodes_total"] > 0


def test_comments_show_that_the_stream_lives(settings: Settings, messenger: Messenger) -> None:
    claim = running(messenger)
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)
        if text == COMMENT and sent.count(COMMENT) == 2:
            complete(messenger, claim)

    async def story() -> None:
        async with main.running(settings, StreamTimings(comment_after_s=0.05)) as services:
            charge = Charge(Identity(USER, "a-key", frozenset({Scope.READ}), {}))
            scope = {
                "type": "http",
                "scheme": "http",
                "headers": [(b"host", b"testserver")],
                "state": {"services": services},
            }
            request = ParsedRequest(Request(scope), services, charge, NOTHING, AnyQuery())
            await Following(request, claim.job).send_events(send)

    asyncio.run(story())
    assert sent[1:3] == [COMMENT, COMMENT]
    assert told("".join(sent))[-1][1]["status"] == "succeeded"


def test_too_many_streams_are_refused_with_when_to_try_again(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    settings = load_settings({**environ, "LIMIT_OPEN_STREAMS": "0"})
    with TestClient(holding(create_app(settings, QUICK)), headers=bearer(key)) as client:
        answer = client.get(path(submitted(messenger)))
    refused(answer, 429, "too_many_streams")
    assert int(answer.headers["retry-after"]) > 0
