"""Whatever a node says, the job ends, once; and whatever the database refuses, it ends all the same."""

from typing import Any

import pytest
from sqlalchemy import Engine

from shared.jobs.attempts import MOST_DEATHS, MOST_WAITS
from shared.messaging.messages import RunComfyJob
from shared.models import EventType, JobStatus, Outcome
from shared.texts.storable import LONGEST_MESSAGE
from tests import jobs
from tests.refusing import refusing
from tests.simulator.graphs import node
from tests.simulator.running import BOTH_AT_LENGTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until
from worker_service.scheduler.sweeps import end_worn_out_jobs

FAILED = JobStatus.FAILED
WORDS = "before\ufffdafter"


def job_of(deployment: Deployment, class_type: str, **inputs: Any) -> int:
    return deployment.submit(workflow={"1": node(class_type, **{"megabytes": 1, **inputs})})


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("what", ["nul", "told_surrogate", "empty_message", "huge_message", "many_letters"])
def test_whatever_a_node_raises_fails_its_job_once(deployment: Deployment, what: str) -> None:
    job = deployment.ended(job_of(deployment, "SimulatedRaise", what=what), FAILED)
    assert (job.error_code, deployment.outcomes(job.id)) == ("node_failed", [Outcome.FAILED])
    said = job.error_message or ""
    assert len(said.encode()) < LONGEST_MESSAGE + 200
    assert said.endswith("more characters)") is (what in {"huge_message", "many_letters"})
    assert ("\ufffd" in said) is (what in {"nul", "told_surrogate"})
    assert jobs.events(deployment.messenger, job.id)[-1].data["message"] == said


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("what", ["nul_text", "surrogate_text"])
def test_a_text_that_cannot_be_stored_is_stored_without_what_makes_it_so(deployment: Deployment, what: str) -> None:
    job = deployment.ended(job_of(deployment, "SimulatedShow", what=what, prefix="x"))
    (output,) = deployment.outputs(job.id)
    assert "\ufffd" in (deployment.folder / output.path).read_text("utf-8")
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("what", ["nan", "infinite", "negative", "beyond"])
def test_progress_that_is_none_ends_nothing(deployment: Deployment, what: str) -> None:
    job = deployment.ended(job_of(deployment, "SimulatedProgress", what=what, times=3))
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


@pytest.mark.usefixtures("worker")
def test_a_job_whose_outputs_the_database_refuses_fails_and_says_so(deployment: Deployment, engine: Engine) -> None:
    with refusing(engine, "job_outputs", "true"):
        job = deployment.ended(deployment.submit(), FAILED)
    assert (job.error_code, deployment.outcomes(job.id)) == ("not_recorded", [Outcome.FAILED])
    deployment.ended(deployment.submit())


@pytest.mark.usefixtures("worker")
def test_an_end_that_is_refused_is_written_without_its_words(deployment: Deployment, engine: Engine) -> None:
    with refusing(engine, "generation_jobs", "strpos(NEW.error_message, 'plain') > 0"):
        job = deployment.ended(job_of(deployment, "SimulatedRaise", what="plain"), FAILED)
    assert (job.error_code, job.error_details, deployment.outcomes(job.id)) == ("node_failed", {}, [Outcome.FAILED])
    assert "refused" in (job.error_message or "")


@pytest.mark.usefixtures("worker")
def test_so_is_the_end_of_an_attempt_after_which_there_is_another(deployment: Deployment, engine: Engine) -> None:
    deployment.comfyui.fault("missing_file", times=1)
    with refusing(engine, "job_attempts", "strpos(NEW.error_message, 'is not there') > 0"):
        job = deployment.ended(deployment.submit())
    first, _ = jobs.attempts(deployment.messenger, job.id)
    assert (first.outcome, first.error_code, first.error_details) == (Outcome.RETRIED, "output_missing", {})


@pytest.mark.parametrize("is_cancelled", [False, True], ids=["running", "cancelled"])
def test_a_job_whose_every_end_is_refused_is_ended_by_the_sweep(
    deployment: Deployment, engine: Engine, *, is_cancelled: bool
) -> None:
    most = 1 + MOST_DEATHS + MOST_WAITS
    every_end = "NEW.status IN ('completed', 'failed', 'cancelled', 'queued')"
    with deployment.worker(MAX_ATTEMPTS="1"):
        job_id = deployment.submit()
        with refusing(engine, "generation_jobs", every_end):
            for attempt in range(1, most + 1):
                until(lambda attempt=attempt: deployment.job(job_id).attempt == attempt)  # type: ignore[misc]
                if is_cancelled and attempt == 1:
                    deployment.cancel(job_id)
                until(lambda: deployment.messages()[0] == 0)
                jobs.silence(deployment.messenger, job_id)
                deployment.messenger.send(RunComfyJob(job_id=job_id))
            until(lambda: deployment.messages()[0] == 0)
            assert deployment.job(job_id).attempt == most, "nobody claims it any more"
            assert end_worn_out_jobs(deployment.messenger) == 0, "refused, and no harm to others"
        assert end_worn_out_jobs(deployment.messenger) == 1
        job = deployment.ended(job_id, JobStatus.CANCELLED if is_cancelled else FAILED)
        assert job.error_code == (None if is_cancelled else "worn_out")
        last = EventType.CANCELLED if is_cancelled else EventType.FAILED
        assert jobs.events(deployment.messenger, job_id)[-1].type is last
        deployment.ended(deployment.submit())
