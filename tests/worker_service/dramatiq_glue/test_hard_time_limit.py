"""A thread that nothing can stop ends its process: its job fails, and those beside it go on elsewhere."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NoReturn

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import CurrentMessage
from sqlmodel import select

from shared.files.folders import attempt_folder
from shared.messaging.messages import RunComfyJob
from shared.messaging.redis_clients import patient_client
from shared.models import DiscardedFolder, JobStatus, Outcome
from tests import jobs
from tests.worker_service.deployment import Deployment
from tests.worker_service.waiting import until
from worker_service.actors.run_comfy_job import JobRunner, take
from worker_service.dramatiq_glue.consumer import AttentiveBroker
from worker_service.dramatiq_glue.middleware import STUCK_STATUS, HardTimeLimit
from worker_service.dramatiq_glue.receiver import Delivery, receives
from worker_service.main import close, create_resources
from worker_service.resources import Resources
from worker_service.run.settle import give_up

CHECK_EVERY_S = 0.1


class ProcessEnded(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def end(status: int) -> NoReturn:
    raise ProcessEnded(status)


def fail_to_settle(_thread: int) -> NoReturn:
    raise ConnectionError("the database is away")


@dataclass(frozen=True)
class StuckWorker:
    """A worker whose threads take a job each, as they do, and never come back from it."""

    deployment: Deployment
    resources: Resources
    broker: RedisBroker
    limit: HardTimeLimit

    def take_job(self) -> int:
        """Returns once another thread is stuck with the job."""
        held = len(self.resources.leases.by_holder())
        job_id = self.deployment.submit()
        until(lambda: len(self.resources.leases.by_holder()) > held, lambda: self.deployment.story(job_id))
        return job_id

    def reach_the_limit(self) -> None:
        """The first of the threads is beyond it, and the process ends."""
        with pytest.raises(ProcessEnded) as ended:
            self.limit.watch(self.broker)
        assert ended.value.status == STUCK_STATUS


@contextmanager
def stuck_worker(
    deployment: Deployment, threads: int, settle: Callable[[int], None] | None = None
) -> Iterator[StuckWorker]:
    resources = create_resources(deployment.settings)
    for client in resources.fleet.clients.values():
        resources.fleet.probe(client)
    stuck = partial(
        give_up,
        messenger=resources.jobs.run.messenger,
        leases=resources.leases,
        limit=deployment.settings.hard_time_limit,
        storage=resources.jobs.run.storage,
    )
    limit = HardTimeLimit(timedelta(0), settle or stuck, check_every_s=CHECK_EVERY_S, end=end)
    redis_client = patient_client(deployment.settings.broker_url)
    broker = AttentiveBroker(
        redis_client, deployment.settings, resources.capacity, middleware=[CurrentMessage(), limit]
    )
    test_is_over = threading.Event()

    @receives(RunComfyJob)
    def hang(message: RunComfyJob, delivery: Delivery[JobRunner]) -> None:
        claim = take(delivery.resources, delivery.message_id)
        assert claim
        with delivery.resources.run.leases.holding(claim.lease):
            test_is_over.wait()

    hang.bind(broker, resources.jobs)
    worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=100)
    worker.queue_prefetch = threads
    worker.start()
    try:
        yield StuckWorker(deployment, resources, broker, limit)
    finally:
        test_is_over.set()
        worker.stop(timeout=30_000)
        close(resources)
        broker.client.close()


def noted(deployment: Deployment) -> list[str]:
    with deployment.messenger.transaction() as session:
        return list(session.exec(select(DiscardedFolder.folder)))


def test_its_job_is_failed_and_the_other_is_gone_on_with_elsewhere(deployment: Deployment) -> None:
    with stuck_worker(deployment, 2) as worker:
        stuck, other = worker.take_job(), worker.take_job()
        worker.reach_the_limit()
        failed, released = deployment.job(stuck), deployment.job(other)
        assert (failed.status, failed.error_code) == (JobStatus.FAILED, "timeout")
        assert failed.error_details == {"limit_seconds": deployment.settings.hard_time_limit.total_seconds()}
        assert noted(deployment) == [attempt_folder(failed, 1)], "it may store more yet"
        assert (released.status, released.worker_id) == (JobStatus.RUNNING, None)
        assert deployment.messages()[1] == 1, "the message of the thread is buried"
        with deployment.worker():
            deployment.ended(other)
    assert deployment.outcomes(stuck) == [Outcome.FAILED]
    assert deployment.outcomes(other) == [Outcome.RELEASED, Outcome.COMPLETED]


def test_a_job_that_is_being_cancelled_is_left_to_the_next_worker_and_so_is_the_other(deployment: Deployment) -> None:
    with stuck_worker(deployment, 2) as worker:
        stuck, other = worker.take_job(), worker.take_job()
        deployment.cancel(stuck)
        worker.reach_the_limit()
        assert deployment.messages()[1] == 1
        with deployment.worker():
            deployment.ended(stuck, JobStatus.CANCELLED)
            deployment.ended(other)
    assert deployment.outcomes(stuck) == [Outcome.RELEASED, Outcome.CANCELLED]
    assert deployment.outcomes(other) == [Outcome.RELEASED, Outcome.COMPLETED]


def test_a_job_that_was_given_to_another_worker_is_not_touched(deployment: Deployment) -> None:
    with stuck_worker(deployment, 1) as worker:
        job_id = worker.take_job()
        jobs.silence(deployment.messenger, job_id)
        assert jobs.claimed(deployment.messenger, deployment.comfyui.url, worker="heir")
        worker.reach_the_limit()
    job = deployment.job(job_id)
    assert (job.status, job.attempt, job.worker_id) == (JobStatus.RUNNING, 2, "heir")
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, None]


def test_the_process_ends_though_nothing_can_be_written_down(deployment: Deployment) -> None:
    with stuck_worker(deployment, 1, settle=fail_to_settle) as worker:
        job_id = worker.take_job()
        worker.reach_the_limit()
        jobs.silence(deployment.messenger, job_id)
        with deployment.worker():
            deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.EXPIRED, Outcome.COMPLETED]
