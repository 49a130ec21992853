"""A slot is a place in ComfyUI: a job leaves it once it is generated, and is stored while the next one has the slot."""

from sqlmodel import select

from shared.fleet.servers import free_slots
from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, Outcome
from tests import jobs
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until


def left_while_it_was_stored(deployment: Deployment) -> Claim:
    """A job whose worker died when ComfyUI was done with it."""
    job_id = jobs.submitted(deployment.messenger)
    left = deployment.leave_behind(job_id, sent=True)
    deployment.comfyui.wait_finished(left.prompt.id)
    with deployment.messenger.transaction() as session:
        lifecycle.generated(session, left.lease)
    return left


def test_the_next_job_runs_while_the_files_of_the_one_before_are_read(deployment: Deployment) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/view", times=1)
    with deployment.worker(COMFYUI_SLOTS="1", WORKER_THREADS="2"):
        first, second = deployment.submit(), deployment.submit()
        hang.wait_until_struck()
        assert deployment.job(first).generated_at is not None
        deployment.ended(second)
        assert deployment.outcomes(first) == [None], "it is not stored yet"
        hang.clear()
        deployment.ended(first)
    assert len(deployment.comfyui.executions()) == 2


def test_a_job_that_ends_wakes_the_next_one(deployment: Deployment) -> None:
    """No sweep runs here: only the slot's last job can have sent the wake-up."""
    deployment.comfyui.pace(step_seconds=3600)
    with deployment.worker(COMFYUI_SLOTS="1", WORKER_THREADS="2"):
        first = deployment.submit()
        deployment.sampling(first)
        second = jobs.submitted(deployment.messenger)  # its own wake-up is lost
        deployment.comfyui.pace(step_seconds=0)
        deployment.cancel(first)
        until(lambda: deployment.job(second).status.is_final, lambda: deployment.story(second))


def test_a_worker_that_died_while_it_stored_is_taken_over_without_another_run(deployment: Deployment) -> None:
    left = left_while_it_was_stored(deployment)
    job_id = left.job.id
    generated_at = deployment.job(job_id).generated_at
    with deployment.worker():
        deployment.ended(job_id)
    assert deployment.job(job_id).generated_at == generated_at, "when it was done first"
    assert deployment.times_started(left.prompt.id) == 1
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.COMPLETED]


def test_what_comfyui_has_lost_meanwhile_waits_for_a_slot_like_any_other_job(deployment: Deployment) -> None:
    left = left_while_it_was_stored(deployment)
    job_id = left.job.id
    deployment.comfyui.kill()
    deployment.comfyui.restart()
    with deployment.worker() as worker:
        deployment.until(job_id, lambda job: job.retries)
        worker.look()
        job = deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.RETRIED, Outcome.COMPLETED]
    assert job.comfyui_prompt_id != left.prompt.id
    assert job.generated_at is not None


def test_slots_are_counted_without_what_is_being_stored(messenger: Messenger) -> None:
    claim = jobs.running(messenger)
    with messenger.transaction() as session:
        slots = session.exec(select(ComfyUIServer.slots)).one()
        assert free_slots(session) == slots - 1
        lifecycle.generated(session, claim.lease)
        assert free_slots(session) == slots
