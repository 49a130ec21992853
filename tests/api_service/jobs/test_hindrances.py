"""GET /api/v1/generation-jobs/{id} says why a job cannot start, where it is more than that others come first."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update
from sqlmodel import col
from starlette.testclient import TestClient

from shared.fleet.servers import drain, resume
from shared.jobs.lanes import pauses
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, ServerCapabilities, User
from tests.jobs import ANOTHER, SERVER, USER, answering, claimed, remember, running, submitted

URL = "/api/v1/generation-jobs"


def waiting(messenger: Messenger, seconds: float = 11, **values: Any) -> int:
    """A job whose time has come so long ago."""
    job_id = submitted(messenger, **values)
    with messenger.transaction() as session:
        ago = func.now() - timedelta(seconds=seconds)
        session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(run_after=ago))
    return job_id


def waits_for(client: TestClient, job_id: int) -> Any:
    return client.get(f"{URL}/{job_id}").json()["waits_for"]


def reason(client: TestClient, job_id: int) -> str | None:
    found = waits_for(client, job_id)
    return None if found is None else str(found["reason"])


def lacking(messenger: Messenger, **lacks: list[str]) -> None:
    """What these servers lack, which are there."""
    servers = {"here": SERVER, "there": ANOTHER}
    with messenger.transaction() as session:
        session.add_all(
            ServerCapabilities(server=servers[name], digest="", object_info={}, lacks=found)
            for name, found in lacks.items()
        )


def test_a_job_that_only_waits_its_turn_waits_for_nothing(client: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    running(messenger)
    assert waits_for(client, waiting(messenger)) is None
    assert waits_for(client, waiting(messenger, requires=[])) is None


def test_without_a_server_that_can_be_used_it_says_so(client: TestClient, messenger: Messenger) -> None:
    job_id = waiting(messenger)
    assert waits_for(client, job_id) == {"reason": "server", "message": "no ComfyUI server can be used now"}
    answering(messenger)
    assert waits_for(client, job_id) is None
    with messenger.transaction() as session:
        drain(session, SERVER)
    assert reason(client, job_id) == "server"


def test_in_the_first_seconds_no_server_is_missed(client: TestClient, messenger: Messenger) -> None:
    assert waits_for(client, submitted(messenger)) is None


def test_labels_that_no_server_has_are_named(client: TestClient, messenger: Messenger) -> None:
    answering(messenger, SERVER, labels=["a100", "eu"])
    answering(messenger, ANOTHER, labels=["fast"])
    split = waiting(messenger, requires=["a100", "fast"])
    message = "no server that can be used now has every label that the job asks for: a100, fast"
    assert waits_for(client, split) == {"reason": "labels", "message": message}
    assert waits_for(client, waiting(messenger, requires=["a100"])) is None


def test_models_that_only_a_server_has_that_is_away_are_missed(client: TestClient, messenger: Messenger) -> None:
    answering(messenger, SERVER, ANOTHER, labels=["a100"])
    lacking(messenger, here=["ckpt_name=rare.safetensors", "class_type=Rare"], there=[])
    with messenger.transaction() as session:
        drain(session, ANOTHER)
    by_form = waiting(messenger, checkpoint_model="rare.safetensors")
    workflow = {"1": {"class_type": "Rare", "inputs": {}}}
    by_workflow = waiting(messenger, workflow=workflow, checkpoint_model=None, requires=["a100"])
    assert [reason(client, one) for one in (by_form, by_workflow)] == ["names", "names"]
    assert waits_for(client, waiting(messenger)) is None
    with messenger.transaction() as session:
        resume(session, ANOTHER)
    assert [reason(client, one) for one in (by_form, by_workflow)] == [None, None]


def test_a_pause_is_told_with_its_reason_before_all_else(client: TestClient, messenger: Messenger) -> None:
    job_id = waiting(messenger)
    with messenger.transaction() as session:
        pauses.pause(session, USER, reason="over budget", paused_by="ada")
    message = "an operator has paused the jobs of this user: over budget"
    assert waits_for(client, job_id) == {"reason": "pause", "message": message}
    with messenger.transaction() as session:
        pauses.pause(session, None, reason=None, paused_by="ada")
    assert waits_for(client, job_id) == {"reason": "pause", "message": "an operator has paused the queue"}


def test_a_user_at_the_limit_is_told_so(client: TestClient, messenger: Messenger) -> None:
    running(messenger)
    job_id = waiting(messenger)
    assert waits_for(client, job_id) is None
    with messenger.transaction() as session:
        session.exec(update(User).values(running_jobs_limit=1))
    assert reason(client, job_id) == "limit"


@pytest.mark.parametrize("is_there", [True, False])
def test_nothing_is_estimated_of_a_job_that_cannot_start(
    client: TestClient, messenger: Messenger, is_there: bool
) -> None:
    answering(messenger)
    remember(messenger, "kind", 10.0, 10.0, 10.0)
    job_id = waiting(messenger, workflow_key="kind", shape="kind", work=1e6, requires=None if is_there else ["a100"])
    assert bool(client.get(f"{URL}/{job_id}").json()["estimate"]["starts_at"]) is is_there


def test_who_polls_hears_of_it(client: TestClient, messenger: Messenger) -> None:
    answering(messenger)
    job_id = waiting(messenger)
    tag = client.get(f"{URL}/{job_id}").headers["etag"]
    assert client.get(f"{URL}/{job_id}", headers={"If-None-Match": tag}).status_code == 304
    with messenger.transaction() as session:
        drain(session, SERVER)
    assert client.get(f"{URL}/{job_id}", headers={"If-None-Match": tag}).json()["waits_for"]["reason"] == "server"


def test_a_job_that_runs_waits_for_nothing_whatever_its_server_does(client: TestClient, messenger: Messenger) -> None:
    waiting(messenger)
    answering(messenger)
    claim = claimed(messenger)
    assert claim
    with messenger.transaction() as session:
        session.execute(text("UPDATE comfyui_servers SET last_seen_at = now() - interval '1 hour'"))
    assert waits_for(client, claim.job.id) is None
