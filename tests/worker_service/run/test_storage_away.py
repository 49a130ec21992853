"""A store that is away is no job's fault: results wait in ComfyUI, and are stored once it is back."""

import errno
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, update
from sqlmodel import col, select
from structlog.testing import capture_logs

from api_service.doors.operator.health import check_storage
from shared.jobs.attempts import Lease
from shared.models import GenerationJob, JobStatus, Outcome, Worker
from shared.storage.folder_store import FolderStore
from shared.texts.reasons import reason_of
from tests import jobs
from tests.simulator.running import BOTH_AT_LENGTH
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until
from worker_service.run.settle import give_up
from worker_service.run.storage import StorageWatch


def take_away(deployment: Deployment) -> None:
    deployment.folder.parent.mkdir(parents=True, exist_ok=True)
    deployment.folder.write_text("a file where the folder of outputs should be")


def give_back(deployment: Deployment) -> None:
    deployment.folder.unlink()


def times_run(deployment: Deployment) -> list[int]:
    return [execution.started for execution in deployment.comfyui.executions().values()]


@BOTH_AT_LENGTH
def test_a_result_waits_without_costing_an_attempt_and_is_made_once(deployment: Deployment) -> None:
    take_away(deployment)
    with deployment.worker(MAX_ATTEMPTS="1") as worker:
        storage = worker.resources.jobs.run.storage
        storage.worked()  # nobody has noticed yet
        waiting = deployment.submit()
        deployment.put_back(waiting)
        job = deployment.job(waiting)
        assert (job.status, job.retries, job.storage_away_since is not None) == (JobStatus.QUEUED, 0, True)
        until(lambda: storage.problem() == "Not a directory")
        new = deployment.submit()
        give_back(deployment)
        assert deployment.ended(waiting).retries == 0
        deployment.ended(new)
    assert deployment.outcomes(waiting)[0] is Outcome.IN_DOUBT
    assert times_run(deployment) == [1, 1]


def test_while_it_is_away_no_new_job_is_taken_and_ready_says_why(deployment: Deployment) -> None:
    take_away(deployment)
    with deployment.worker() as worker:
        until(worker.resources.jobs.run.storage.problem)
        worker.resources.leases.beat()
        view = check_storage(deployment.messenger.engine)
        assert not view.ok
        assert view.detail == "a worker cannot store outputs: Not a directory; results wait in ComfyUI"
        job_id = deployment.submit()
        until(lambda: deployment.messages() == (0, 0))
        assert deployment.job(job_id).status is JobStatus.QUEUED
        give_back(deployment)
        deployment.ended(job_id)
        worker.resources.leases.beat()
        assert check_storage(deployment.messenger.engine).ok
    with deployment.messenger.transaction() as session:
        assert session.exec(select(Worker.storage_problem)).all() == [None]


def test_after_its_patience_the_job_fails_and_says_why(deployment: Deployment) -> None:
    take_away(deployment)
    with deployment.worker() as worker:
        worker.resources.jobs.run.storage.worked()
        job_id = deployment.submit()
        deployment.put_back(job_id)
        with deployment.messenger.transaction() as session:
            long_ago = func.now() - timedelta(minutes=61)
            row = update(GenerationJob).where(col(GenerationJob.id) == job_id)
            session.exec(row.values(storage_away_since=long_ago))
        worker.resources.jobs.run.storage.worked()
        job = deployment.ended(job_id, JobStatus.FAILED)
    give_back(deployment)
    assert job.error_code == "storage_unavailable"
    assert (job.error_message or "").startswith("could not store ")
    assert set(deployment.outcomes(job_id)) == {Outcome.IN_DOUBT, Outcome.FAILED}
    assert times_run(deployment) == [1]


def test_a_result_that_comfyui_has_forgotten_is_made_again(deployment: Deployment) -> None:
    take_away(deployment)
    with deployment.worker() as worker:
        worker.resources.jobs.run.storage.worked()
        job_id = deployment.submit()
        deployment.put_back(job_id)
        deployment.comfyui.restart()
        give_back(deployment)
        deployment.ended(job_id)
    assert sorted(times_run(deployment)) == [1, 1]


def test_a_job_that_waits_for_the_store_can_be_cancelled(deployment: Deployment) -> None:
    take_away(deployment)
    with deployment.worker() as worker:
        worker.resources.jobs.run.storage.worked()
        job_id = deployment.submit()
        deployment.put_back(job_id)
        deployment.cancel(job_id)
        give_back(deployment)
        deployment.ended(job_id, JobStatus.CANCELLED)


def test_each_spell_is_one_line_for_an_alert_and_one_for_its_end(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "outputs")
    watch = StorageWatch([store.check], threading.Event(), every_s=1)
    with capture_logs() as lines:
        for _ in range(2):
            watch.look()
            (tmp_path / "outputs").write_text("in its place")
            watch.look()
            watch.failed("No space left on device")
            watch.look()
            (tmp_path / "outputs").unlink()
            watch.look()
    said = [(line["log_level"], line["event"]) for line in lines]
    assert said == [("error", "storage.away"), ("warning", "storage.back")] * 2


def test_a_store_that_does_not_answer_is_away(tmp_path: Path) -> None:
    asked, answers = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        answers.wait()

    watch = StorageWatch([hang], threading.Event(), every_s=1)
    watch.silent_after_s = 0.05
    looking = threading.Thread(target=watch.look)
    looking.start()
    asked.wait()
    until(lambda: watch.problem() == "it has not answered for 0.05 s")
    answers.set()
    looking.join()
    assert watch.problem() is None


def test_a_thread_that_the_store_holds_up_for_ever_costs_its_job_nothing(deployment: Deployment) -> None:
    with deployment.worker() as worker:
        job_id = jobs.submitted(deployment.messenger)
        claim = jobs.claimed(deployment.messenger, deployment.comfyui.url)
        assert claim is not None
        storage, leases = worker.resources.jobs.run.storage, worker.resources.leases
        storage.failed("it has not answered for 20 s")
        with leases.holding(Lease(job_id, claim.lease.attempt)):
            give_up(
                threading.get_ident(),
                messenger=deployment.messenger,
                leases=leases,
                limit=timedelta(minutes=30),
                storage=storage,
            )
        deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.RELEASED, Outcome.COMPLETED]


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.ENOENT, errno.EIO, errno.ESTALE])
def test_no_reason_names_a_path_of_this_machine(number: int) -> None:
    assert reason_of(OSError(number, os.strerror(number), "/secret/a", None, "/secret/b")) == os.strerror(number)


def test_a_reason_of_nobodys_making_is_its_kind() -> None:
    assert reason_of(OSError("/secret/a is odd")) == "OSError"
    assert reason_of(FileNotFoundError("/secret/a")) == "FileNotFoundError"
