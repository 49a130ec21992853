"""Schedules at /api/v1/schedules: what is taken, how it is shown, and what is refused by its field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import col, update
from starlette.testclient import TestClient

from shared.database.engine import transaction
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, Schedule
from shared.schedules.template import JobTemplate
from tests.api_service.submit.test_submitting import LEAST
from tests.api_service.submit.test_submitting import URL as JOBS
from tests.api_service.submit.test_workflows import WORKFLOW, with_inputs
from tests.jobs import job, submitted
from tests.object_infos import object_info, publish
from tests.schedules import becomes_due, jobs_of, run_all

URL = "/api/v1/schedules"
NIGHTLY = {"name": "every night", "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "job": LEAST}


def post(client: TestClient, **values: Any) -> Any:
    return client.post(URL, json={**NIGHTLY, **values})


def made(client: TestClient, **values: Any) -> dict[str, Any]:
    response = post(client, **values)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def row(engine: Engine, schedule: dict[str, Any]) -> Schedule:
    with transaction(engine) as session:
        return session.get_one(Schedule, schedule["id"])


def refused(response: Any) -> dict[str, str]:
    """What was refused, by field."""
    assert response.status_code == 422, response.text
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def test_one_that_is_made_is_shown_with_its_next_times_where_it_will_be_found(client: TestClient) -> None:
    response = post(client)
    assert response.status_code == 201
    body = response.json()
    assert response.headers["location"] == body["links"]["self"] == f"{URL}/{body['id']}"
    assert (body["job"], body["overlap"], body["missed"], body["paused"]) == (LEAST, "skip", "run_once", False)
    moments = [datetime.fromisoformat(moment) for moment in body["next_runs"]]
    assert len(moments) == 5
    assert moments == sorted(set(moments))
    assert all(moment.minute in {0, 30} and moment.hour in {2, 3} for moment in moments), "by the clock of Berlin"
    assert moments[0] > datetime.now(UTC)
    assert (body["last_run"], body["last_skip"], body["failures"], body["failing"]) == (None, None, 0, False)
    shown = client.get(f"{URL}/{body['id']}").json()
    assert {**shown, "notes": body["notes"]} == body
    (listed,) = client.get(URL).json()["items"]
    assert {**listed, "job": body["job"], "notes": body["notes"]} == body


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"cron": "60 * * * *"}, "cron"),
        ({"cron": "* * * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"time_zone": "Europe/Berlín"}, "time_zone"),
        ({"time_zone": "/etc/passwd"}, "time_zone"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"overlap": "both"}, "overlap"),
        ({"missed": "all"}, "missed"),
        ({"paused": "yes"}, "paused"),
        ({"every": "day"}, "every"),
        ({"job": {}}, "job.prompt"),
        ({"job": {**LEAST, "width": 65}}, "job.width"),
        ({"job": {**LEAST, "colour": "red"}}, "job.colour"),
        ({"job": {**LEAST, "run_at": "2030-01-01T00:00:00Z"}}, "job.run_at"),
        ({"job": {**LEAST, "webhook": {"url": "https://127.0.0.1/"}}}, "job.webhook.url"),
        (
            {"job": {**LEAST, "extra_data": {"api_key_comfy_org": "comfyui-12345678"}}},
            "job.extra_data.api_key_comfy_org",
        ),
        ({"job": {"workflow": with_inputs("3", model=["99", 0])}}, "job.workflow.3.inputs.model"),
        ({"job": {"workflow": {}}}, "job.workflow"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(client: TestClient, values: dict[str, Any], where: str) -> None:
    assert where in refused(post(client, **values))
    assert client.get(URL).json()["items"] == []


def test_a_zone_that_is_nearly_right_is_suggested(client: TestClient) -> None:
    (error,) = post(client, time_zone="Europe/Berlni").json()["errors"]
    assert "did you mean 'Europe/Berlin'" in error["message"]


def test_its_job_is_held_to_what_the_servers_can_do(client: TestClient, messenger: Messenger) -> None:
    publish(messenger, object_info(checkpoints=["sd15.safetensors"]))
    assert "job.checkpoint_model" in refused(post(client))
    made(client, job={**LEAST, "checkpoint_model": "sd15.safetensors"})


def test_seeds_of_minus_one_are_drawn_for_each_job(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    schedule = made(client, job={"workflow": with_inputs("3", seed=-1)}, overlap="queue")
    for _ in range(3):
        becomes_due(engine, row(engine, schedule))
        assert run_all(messenger) == 1
    seeds = {one.workflow["3"]["inputs"]["seed"] for one in jobs_of(engine, row(engine, schedule)) if one.workflow}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_each_job_is_as_if_it_had_been_submitted(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    asked = {
        **LEAST,
        "sampler_params": {"seed": 5},
        "priority": 7,
        "metadata": {"a": 1},
        "lora_models": [{"name": "x"}],
    }
    for body in (asked, {"workflow": WORKFLOW, "outputs": ["9"], "temp_outputs": False, "max_attempts": 2}):
        schedule = made(client, job=body)
        becomes_due(engine, row(engine, schedule))
        assert run_all(messenger) == 1
        (ours,) = jobs_of(engine, row(engine, schedule))
        theirs = job(messenger, client.post(JOBS, json=body).json()["id"])
        own = {
            "id",
            "message_id",
            "request_id",
            "idempotency_key",
            "schedule_id",
            "created_at",
            "updated_at",
            "run_after",
            "turn",
        }
        left = {name: (getattr(ours, name), getattr(theirs, name)) for name in GenerationJob.model_fields.keys() - own}
        assert {name: pair for name, pair in left.items() if pair[0] != pair[1]} == {}


def test_secrets_are_not_shown(client: TestClient, engine: Engine) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
    response = post(client, job={**LEAST, "webhook": {"url": "https://example.com/", "secret": secret}})
    assert response.status_code == 201
    assert secret not in response.text
    kept = row(engine, response.json())
    assert (kept.webhook_url, secret in str(kept.asked)) == ("https://example.com/", False)
    assert kept.webhook_secret is not None


def test_one_that_is_paused_has_no_next_time_until_it_is_resumed(client: TestClient, messenger: Messenger) -> None:
    schedule = made(client)
    url = f"{URL}/{schedule['id']}"
    paused = client.patch(url, json={"paused": True}).json()
    assert (paused["paused"], paused["next_runs"]) == (True, [])
    assert run_all(messenger) == 0
    resumed = client.patch(url, json={"paused": False}).json()
    assert resumed["next_runs"] == schedule["next_runs"]


def test_what_is_absent_stays_and_a_run_that_is_due_is_not_lost(client: TestClient, engine: Engine) -> None:
    schedule = made(client)
    url = f"{URL}/{schedule['id']}"
    becomes_due(engine, row(engine, schedule))
    due = row(engine, schedule).next_at
    same = {"name": "nightly", "cron": NIGHTLY["cron"], "time_zone": NIGHTLY["time_zone"], "paused": False}
    changed = client.patch(url, json=same).json()
    assert (changed["name"], changed["job"], row(engine, schedule).next_at) == ("nightly", LEAST, due)
    client.patch(url, json={"cron": "@daily"})
    assert row(engine, schedule).next_at != due


def test_one_whose_time_zone_is_gone_is_not_resumed(client: TestClient, engine: Engine) -> None:
    schedule = made(client, paused=True)
    with transaction(engine) as session:
        session.get_one(Schedule, schedule["id"]).time_zone = "Mars/Base"
    url = f"{URL}/{schedule['id']}"
    assert refused(client.patch(url, json={"paused": False})) == {"time_zone": "value_error"}
    assert client.get(url).json()["paused"]
    assert client.patch(url, json={"paused": False, "time_zone": "UTC"}).json()["next_runs"]


def test_a_job_takes_the_place_of_the_whole_one_before(client: TestClient, engine: Engine) -> None:
    schedule = made(client, job={**LEAST, "webhook": {"url": "https://example.com/"}, "delay_seconds": 5})
    url = f"{URL}/{schedule['id']}"
    assert refused(client.patch(url, json={"job": {**LEAST, "steps": 2}})) == {"job.steps": "extra_forbidden"}
    assert client.patch(url, json={"job": {**LEAST, "prompt": "a dog"}}).json()["job"]["prompt"] == "a dog"
    kept = row(engine, schedule)
    template = JobTemplate.model_validate(kept.template)
    assert (kept.webhook_url, template.delay_s, template.columns["prompt"]) == (None, None, "a dog")


@pytest.mark.parametrize("body", [{"job": None}, {"overlap": None}, {"cron": None}, {"paused": None}])
def test_null_is_no_change(client: TestClient, body: dict[str, None]) -> None:
    schedule = made(client)
    assert client.patch(f"{URL}/{schedule['id']}", json=body).status_code == 422


def test_one_that_is_deleted_leaves_its_jobs(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    schedule = made(client)
    kept = row(engine, schedule)
    becomes_due(engine, kept)
    run_all(messenger)
    assert client.delete(f"{URL}/{schedule['id']}").status_code == 204
    assert client.get(f"{URL}/{schedule['id']}").status_code == 404
    assert len(client.get(schedule["links"]["jobs"]).json()["items"]) == 1


def test_its_jobs_are_listed_and_say_which_schedule_made_them(
    client: TestClient, messenger: Messenger, engine: Engine
) -> None:
    schedule = made(client)
    submitted(messenger)
    becomes_due(engine, row(engine, schedule))
    run_all(messenger)
    (listed,) = client.get(schedule["links"]["jobs"]).json()["items"]
    assert listed["schedule_id"] == schedule["id"]
    assert client.get(f"{JOBS}{listed['id']}").json()["schedule_id"] == schedule["id"]


def test_run_now_makes_a_job_whatever_else(client: TestClient, engine: Engine) -> None:
    schedule = made(client, paused=True)
    first = client.post(schedule["links"]["run"])
    assert first.status_code == 201
    assert first.headers["location"] == f"{JOBS}{first.json()['id']}"
    second = client.post(schedule["links"]["run"]).json()
    assert [one.id for one in jobs_of(engine, row(engine, schedule))] == [first.json()["id"], second["id"]]
    shown = client.get(f"{URL}/{schedule['id']}").json()
    assert (shown["last_run"]["job_id"], shown["last_run"]["status"], shown["next_runs"]) == (
        second["id"],
        "queued",
        [],
    )


def test_run_now_is_one_job_however_often_it_is_sent_under_its_key(client: TestClient, engine: Engine) -> None:
    schedule = made(client)
    headers = {"Idempotency-Key": "once"}
    first, again = (client.post(schedule["links"]["run"], headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(jobs_of(engine, row(engine, schedule))) == 1


def test_one_that_fails_again_and_again_says_so(client: TestClient, engine: Engine) -> None:
    schedule = made(client)
    ids = [client.post(schedule["links"]["run"]).json()["id"] for _ in range(5)]
    ends = [JobStatus.FAILED, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.EXPIRED, JobStatus.CANCELLED]
    for job_id, status in zip(ids, ends, strict=True):
        end(engine, job_id, status)
    shown = client.get(f"{URL}/{schedule['id']}").json()
    assert (shown["failures"], shown["failing"], shown["last_run"]["status"]) == (2, False, "cancelled")
    end(engine, client.post(schedule["links"]["run"]).json()["id"], JobStatus.FAILED)
    (shown,) = client.get(URL).json()["items"]
    assert (shown["failures"], shown["failing"]) == (3, True)
    last = shown["last_run"]
    assert (last["status"], last["error_code"], last["error_message"]) == ("failed", "broken", "it broke")


def end(engine: Engine, job_id: int, status: JobStatus) -> None:
    why = {"error_code": "broken", "error_message": "it broke"} if status is JobStatus.FAILED else {}
    changed = update(GenerationJob).where(col(GenerationJob.id) == job_id)
    with transaction(engine) as session:
        session.exec(changed.values(status=status, completed_at=datetime.now(UTC), **why))


def test_a_run_that_made_no_job_says_why(client: TestClient, messenger: Messenger, engine: Engine) -> None:
    schedule = made(client)
    running = client.post(schedule["links"]["run"]).json()["id"]
    becomes_due(engine, row(engine, schedule), timedelta(seconds=5))
    assert run_all(messenger) == 0
    shown = client.get(f"{URL}/{schedule['id']}").json()
    assert (shown["skips"], shown["last_skip"]["code"]) == (1, "overlap")
    assert f"job {running} " in shown["last_skip"]["message"]


def test_a_user_has_so_many_and_no_more(client: TestClient, engine: Engine) -> None:
    schedule = made(client)
    kept = row(engine, schedule)
    with transaction(engine) as session:
        session.add_all(
            Schedule(**{**kept.model_dump(exclude={"id", "created_at", "updated_at"}), "name": str(number)})
            for number in range(49)
        )
    response = post(client)
    assert (response.status_code, response.json()["limit"]) == (429, "schedules")
    client.delete(f"{URL}/{schedule['id']}")
    assert post(client).status_code == 201
