"""A worker cleans up what it is told of, beside its jobs."""

from pathlib import Path

from shared.messaging.due_work import WakeUps
from tests.worker_service.cleanup.old import Old
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until
from worker_service.cleanup.claim import due_clean_ups


def test_a_worker_cleans_up_what_is_due_and_runs_jobs_meanwhile(deployment: Deployment, tmp_path: Path) -> None:
    old = Old(deployment.messenger, deployment.settings, tmp_path)
    gone = [old.cancelled(31), old.cancelled(40)]
    kept = old.cancelled(29)
    with deployment.worker(RETENTION_JOBS="30d"):
        assert WakeUps(deployment.messenger, due_clean_ups()).send_missing() > 0
        job_id = deployment.submit()
        until(lambda: not set(gone) & set(old.jobs()))
        deployment.ended(job_id)
    assert old.jobs() == [kept, job_id]
