"""GET of a job with the ETag of an earlier answer: 304 until something has changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.jobs import lifecycle
from shared.jobs.attempts import Prompt
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import NodeFailed, PromptLost
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, Outcome
from tests.api_service.conftest import bearer, new_key
from tests.jobs import ANOTHER, answering, claimed, output, running, submitted

URL = "/api/v1/generation-jobs"
Change = Callable[[Messenger, Claim], None]


def ask(client: TestClient, job_id: int, tag: str) -> Any:
    return client.get(f"{URL}/{job_id}", headers={"If-None-Match": tag})


def in_session(deed: Callable[..., object], *arguments: Any, **named: Any) -> Change:
    def change(messenger: Messenger, claim: Claim) -> None:
        with messenger.transaction() as session:
            deed(session, claim.lease, *arguments, **named)

    return change


def progress(tick: int) -> Change:
    def change(messenger: Messenger, claim: Claim) -> None:
        event = Event(
            type=EventType.PROCESSING,
            job_id=claim.job.id,
            user_id=claim.job.user_id,
            attempt=claim.lease.attempt,
            at=datetime.now(UTC),
            tick=tick,
            data={"percentage": tick},
        )
        messenger.publish(event)

    return change


def complete(messenger: Messenger, claim: Claim) -> None:
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])


def cancel(messenger: Messenger, claim: Claim) -> None:
    with messenger.transaction() as session:
        cancel_one(session, claim.job.id)


CHANGES: dict[str, Change] = {
    "progress": progress(7),
    "another prompt": in_session(lifecycle.redirect, Prompt(ANOTHER, "another"), adopted=False),
    "generated": in_session(lifecycle.generated),
    "failed": in_session(lifecycle.fail, NodeFailed("1", "Node", "ValueError", "no")),
    "put back": in_session(lifecycle.retry, PromptLost("s", "p"), Outcome.RETRIED, timedelta(hours=1)),
    "completed": complete,
    "cancelling": cancel,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_job_is_not_sent_again_until_it_has_changed(client: TestClient, messenger: Messenger, change: Change) -> None:
    claim = running(messenger)
    progress(1)(messenger, claim)
    first = client.get(f"{URL}/{claim.job.id}")
    tag = first.headers["etag"]
    same = ask(client, claim.job.id, tag)
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    change(messenger, claim)
    other = ask(client, claim.job.id, tag)
    assert other.status_code == 200
    assert other.headers["etag"] != tag
    assert other.json() != first.json()
    assert ask(client, claim.job.id, other.headers["etag"]).status_code == 304


def test_a_place_in_the_queue_is_part_of_what_changes(client: TestClient, messenger: Messenger) -> None:
    first, second = submitted(messenger), submitted(messenger)
    tag = client.get(f"{URL}/{second}").headers["etag"]
    assert ask(client, second, tag).status_code == 304
    answering(messenger)
    claim = claimed(messenger)
    assert claim
    assert claim.job.id == first
    moved = ask(client, second, tag)
    assert (moved.status_code, moved.json()["queue"]["position"]) == (200, 1)


def test_what_its_owner_changes_is_a_change(client: TestClient, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    tag = client.get(f"{URL}/{job_id}").headers["etag"]
    client.patch(f"{URL}/{job_id}", json={"metadata": {"note": "another"}})
    assert ask(client, job_id, tag).json()["metadata"] == {"note": "another"}


@pytest.mark.parametrize("form", ["W/{}", '"x", {}', '"x",W/{} , "y"', "*"])
def test_tags_come_in_several_forms(client: TestClient, messenger: Messenger, form: str) -> None:
    job_id = submitted(messenger)
    tag = client.get(f"{URL}/{job_id}").headers["etag"]
    assert ask(client, job_id, form.format(tag)).status_code == 304
    assert ask(client, job_id, '"x", W/"y"').status_code == 200


def test_a_tag_opens_no_job_of_another(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    job_id = submitted(messenger)
    tag = client.get(f"{URL}/{job_id}").headers["etag"]
    another = {"If-None-Match": tag, **bearer(new_key(engine, another=True))}
    assert client.get(f"{URL}/{job_id}", headers=another).status_code == 404
