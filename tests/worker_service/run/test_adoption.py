"""What a worker leaves behind is found by the next one and gone on with; it is run again only where it is gone."""

from datetime import timedelta

from shared.jobs import lifecycle
from shared.jobs.attempts import Prompt
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import ComfyUIUnreachable, TimedOut
from shared.models import EventType, JobStatus, Outcome
from tests import jobs
from tests.jobs import attempts, claimant, claimed, silence
from tests.simulator.graphs import noise, submit
from tests.simulator.running import OLDER_AT_LANDING
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener, at_step
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.main import stop_jobs
from worker_service.run.prompt.mailbox import Signal

pytestmark = OLDER_AT_LANDING
FOREIGN = "0a1b2c3d-0000-4000-8000-000000000001"

FOR_EVER = 3600.0
UNREACHABLE = ComfyUIUnreachable("gpu", "it hung")


def left_behind(deployment: Deployment, *, sent: bool) -> Claim:
    return deployment.leave_behind(jobs.submitted(deployment.messenger), sent=sent)


def went_on_with(deployment: Deployment, left: Claim) -> bool:
    """Whether the second attempt adopted the prompt that the first one left."""
    _first, second = attempts(deployment.messenger, left.job.id)
    assert second.adopted is (second.comfyui_prompt_id == left.prompt.id)
    return second.adopted


def inherited(deployment: Deployment, job_id: int, *, instead: str | None = None) -> Claim:
    """Another worker's claim of a job whose own worker lives, but was given up; its heartbeat may undo a silence.

    If the heir has sent another prompt `instead`, no heartbeat sees the claim without it.
    """
    found: list[Claim] = []
    url = deployment.comfyui.url

    def given() -> bool:
        silence(deployment.messenger, job_id)
        with deployment.messenger.transaction() as session:
            claim = claims.claim(session, claimant(url, worker="heir"))
            if claim and instead:
                lifecycle.redirect(session, claim.lease, Prompt(url, instead), adopted=False)
        found.extend([claim] if claim else [])
        return bool(found)

    until(given)
    return found[0]


def test_a_prompt_that_runs_is_watched_to_its_end(deployment: Deployment, listener: Listener) -> None:
    first, second = (deployment.comfyui.fault("stall", step=step) for step in (1, 2))
    left = left_behind(deployment, sent=True)
    first.wait_until_struck()
    with deployment.worker():
        deployment.until(left.job.id, lambda job: job.attempt == 2)
        until(lambda: deployment.sockets() == [deployment.client_id(left.job.id)])
        first.clear()
        listener.until(left.job.id, at_step(2, attempt=2))
        second.clear()
        deployment.ended(left.job.id)
    assert went_on_with(deployment, left)
    assert deployment.outcomes(left.job.id) == [Outcome.EXPIRED, Outcome.COMPLETED]
    assert deployment.times_started(left.prompt.id) == 1
    assert len(deployment.comfyui.executions()) == 1


def test_a_prompt_that_waits_in_comfyui_is_waited_for(deployment: Deployment) -> None:
    stall = deployment.comfyui.fault("stall", prompt_id=FOREIGN)
    submit(deployment.comfyui, FOREIGN, noise())
    stall.wait_until_struck()
    left = left_behind(deployment, sent=True)
    with deployment.worker():
        deployment.until(left.job.id, lambda job: job.attempt == 2)
        stall.clear()
        deployment.ended(left.job.id)
    assert went_on_with(deployment, left)
    assert deployment.times_started(left.prompt.id) == 1


def test_a_prompt_that_finished_meanwhile_is_collected(deployment: Deployment) -> None:
    left = left_behind(deployment, sent=True)
    deployment.comfyui.wait_finished(left.prompt.id)
    with deployment.worker():
        deployment.ended(left.job.id)
    assert went_on_with(deployment, left)
    assert deployment.times_started(left.prompt.id) == 1


def test_a_prompt_that_failed_meanwhile_fails_its_job(deployment: Deployment) -> None:
    deployment.comfyui.fault("node_error", node="KSampler")
    left = left_behind(deployment, sent=True)
    deployment.comfyui.wait_finished(left.prompt.id)
    with deployment.worker():
        job = deployment.ended(left.job.id, JobStatus.FAILED)
    assert job.error_code == "node_failed"
    assert len(deployment.comfyui.executions()) == 1


def test_a_prompt_that_is_gone_is_sent_again_under_another_id(deployment: Deployment) -> None:
    left = left_behind(deployment, sent=True)
    deployment.comfyui.wait_finished(left.prompt.id)
    deployment.comfyui.restart()
    with deployment.worker():
        deployment.ended(left.job.id)
    assert not went_on_with(deployment, left)
    assert [execution.started for execution in deployment.comfyui.executions().values()] == [1, 1]


def test_a_prompt_that_was_never_sent_is_sent_once(deployment: Deployment) -> None:
    left = left_behind(deployment, sent=False)
    with deployment.worker():
        job = deployment.ended(left.job.id)
    assert not went_on_with(deployment, left)
    assert list(deployment.comfyui.executions()) == [job.comfyui_prompt_id]
    assert [event.type for event in jobs.events(deployment.messenger, job.id)] == [
        EventType.QUEUED,
        EventType.STARTED,
        EventType.COMPLETED,
    ]


def test_a_prompt_in_doubt_is_found_by_the_heir_of_a_worker_that_died_before_it_had_looked(
    deployment: Deployment,
) -> None:
    left = left_behind(deployment, sent=True)
    deployment.comfyui.wait_finished(left.prompt.id)
    with deployment.messenger.transaction() as session:
        lifecycle.retry(session, left.lease, UNREACHABLE, Outcome.IN_DOUBT, timedelta(0))
    dead = claimed(deployment.messenger, deployment.comfyui.url, worker="dies before it looks")
    assert dead is not None
    assert (dead.doubt, dead.prompt == left.prompt) == (left.prompt, False)
    silence(deployment.messenger, left.job.id)
    with deployment.worker():
        deployment.ended(left.job.id)
    assert deployment.job(left.job.id).comfyui_prompt_id == left.prompt.id
    assert [attempt.adopted for attempt in attempts(deployment.messenger, left.job.id)] == [False, True, True]
    assert deployment.times_started(left.prompt.id) == 1
    assert len(deployment.comfyui.executions()) == 1


def test_a_stopped_worker_gives_its_job_back_and_the_next_one_goes_on_with_it(
    deployment: Deployment, listener: Listener
) -> None:
    stalls = {step: deployment.comfyui.fault("stall", step=step) for step in (1, 2, 3)}
    with deployment.worker() as first, deployment.worker() as second:
        first.listen()
        second.listen()
        job_id = deployment.submit(steps=4)
        holder = deployment.until(job_id, lambda job: job.status is JobStatus.RUNNING).worker_id
        listener.until(job_id, at_step(1))
        leaving = first if holder == first.resources.jobs.worker_id else second
        leaving.stop()
        deployment.until(job_id, lambda job: job.attempt == 2)
        stalls[1].clear()
        stalls[2].wait_until_struck()
        until(lambda: deployment.client_id(job_id) in deployment.sockets())
        stalls[2].clear()
        listener.until(job_id, at_step(3, attempt=2))
        stalls[3].clear()
        job = deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.RELEASED, Outcome.COMPLETED]
    assert job.worker_id != holder
    assert deployment.times_started(job.comfyui_prompt_id or "") == 1


def test_a_worker_that_is_stopped_while_it_reads_files_leaves_none_behind(deployment: Deployment) -> None:
    hang = deployment.comfyui.fault("hang_http", path="/view", times=1)
    with deployment.worker() as first:
        job_id = deployment.submit(batch_size=2)
        hang.wait_until_struck()
        stop_jobs(first.resources)
        until(lambda: Signal.STOP in first.heard(job_id))
        hang.clear()
    with deployment.worker():
        deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.RELEASED, Outcome.COMPLETED]
    assert len(deployment.comfyui.executions()) == 1


def test_a_worker_that_was_given_up_for_dead_lets_go_of_the_job(deployment: Deployment, worker: RunningWorker) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    job_id = deployment.submit()
    prompt_id = deployment.sampling(job_id)
    heir = inherited(deployment, job_id)
    worker.resources.leases.beat()
    until(lambda: not worker.resources.leases.by_holder())
    assert deployment.comfyui.executions()[prompt_id].finished == 0, "it is the heir's now"
    with deployment.messenger.transaction() as session:
        lifecycle.fail(session, heir.lease, TimedOut(1))
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.FAILED]
    until(lambda: deployment.messages() == (0, 0), lambda: "something went wrong with its message")


def test_such_a_worker_withdraws_a_prompt_that_nobody_else_knows_of(
    deployment: Deployment, worker: RunningWorker
) -> None:
    deployment.comfyui.pace(step_seconds=FOR_EVER)
    job_id = deployment.submit()
    prompt_id = deployment.sampling(job_id)
    inherited(deployment, job_id, instead="the heir's own")
    worker.resources.leases.beat()
    assert deployment.comfyui.wait_finished(prompt_id).outcomes == ["interrupted"]
    until(lambda: not worker.resources.leases.by_holder())
    until(lambda: deployment.messages() == (0, 0))
