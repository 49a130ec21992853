"""Each part is stopped, mostly while a job runs: it ends as it should, and is run once where that can be known."""

import pytest

from tests.journeys.conftest import BODY, Journey, Start, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # some wait out delays of up to 40 s


def test_a_worker_is_killed(here: Journey) -> None:
    held = here.held_up()
    here.kill("worker")
    held.let_go()
    here.restart("worker")
    job = here.completed(held.id)
    assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
    assert here.times_run() == [1]


def test_a_worker_is_stopped_and_another_goes_on(here: Journey) -> None:
    held = here.held_up()
    assert here.system.processes["worker"].stop() == 0
    held.let_go()
    here.restart("worker")
    job = here.completed(held.id)
    assert (job["attempt"], job["comfyui_prompt_id"]) == (2, held.prompt_id)
    assert here.times_run() == [1]


def test_comfyui_is_killed_and_comes_back(here: Journey) -> None:
    held = here.held_up()
    here.comfyui.kill()
    here.comfyui.restart()
    job = here.completed(held.id)
    assert job["retries"] == 1
    assert here.times_run() == [1, 1], "the second run was needed: the first one's queue was gone"


@pytest.mark.parametrize("name", ["api", pytest.param("scheduler", marks=pytest.mark.landing)])
def test_a_service_without_state_is_killed(here: Journey, name: str) -> None:
    held = here.held_up()
    here.system.processes[name].kill()
    here.restart(name)
    held.let_go()
    here.completed(held.id)
    here.completed(here.submit()["id"])
    assert here.times_run() == [1, 1]


def test_the_lock_of_a_scheduler_that_stops_is_free_for_the_next(here: Journey) -> None:
    here.leads()
    here.stop("scheduler")
    here.restart("scheduler")
    here.leads()


def test_what_examines_outputs_is_there_before_the_first_job_and_ends_with_its_worker(here: Journey) -> None:
    before = here.members()
    here.completed(here.submit()["id"])
    assert here.members() == before
    here.stop("worker")
    until(lambda: not any(member.is_running() for member in before))


@pytest.mark.landing
def test_redis_and_then_postgresql_are_killed_and_come_back(journey: Start) -> None:
    with journey(own_servers=True, durable=True) as here:
        redis_is_killed_and_comes_back_empty(here)
        here.come_to_rest()
        postgresql_is_killed_and_comes_back(here)


def redis_is_killed_and_comes_back_empty(here: Journey) -> None:
    held = here.held_up()
    valkey = here.system.servers.valkey
    assert valkey is not None
    valkey.process.kill()
    until(lambda: not valkey.process.running)
    waiting = here.submit()
    assert waiting["status"] == "pending"
    # What ready says is kept for a moment.
    until(lambda: here.http.get("/health/ready").json()["redis"]["ok"] is False)
    held.let_go()
    here.comfyui.wait_finished(held.prompt_id)
    valkey.restart()
    here.completed(waiting["id"])
    here.completed(held.id)
    assert here.times_run() == [1, 1]


def postgresql_is_killed_and_comes_back(here: Journey) -> None:
    held = here.held_up()
    postgres = here.system.servers.postgres
    assert postgres is not None
    postgres.process.kill()
    until(lambda: not postgres.process.running)
    refused = here.http.post("/api/v1/generation-jobs/", json=BODY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    held.let_go()
    here.comfyui.wait_finished(held.prompt_id)
    postgres.restart()
    here.completed(held.id)
    assert here.times_run() == [1]
