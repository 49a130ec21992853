"""A sweep that hangs is told of once, and so is its end."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.testing import capture_logs

from worker_service.scheduler.overdue import Overdue

PATIENCE_S = 30.0
PASSED_OVER = 3  # times


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    scheduler = BackgroundScheduler(timezone=UTC)
    yield scheduler
    scheduler.shutdown()


def test_a_sweep_that_hangs_is_told_of_once_and_so_is_its_end(
    scheduler: BackgroundScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    going_on, passed_over, done = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)
    with capture_logs() as lines:
        Overdue().follow(scheduler)
        scheduler.add_listener(lambda _: passed_over.release(), EVENT_JOB_MAX_INSTANCES)
        scheduler.add_listener(lambda _: done.release(), EVENT_JOB_EXECUTED)
        scheduler.add_job(lambda: going_on.wait(PATIENCE_S), "interval", id="forget servers", seconds=0.02)
        scheduler.start()
        for _ in range(PASSED_OVER):
            assert passed_over.acquire(timeout=PATIENCE_S)
        going_on.set()
        assert done.acquire(timeout=PATIENCE_S)
        scheduler.pause()
        assert [(line["event"], line["sweep"]) for line in lines[:2]] == [
            ("sweep.overdue", "forget servers"),
            ("sweep.done_late", "forget servers"),
        ]
    assert [record for record in caplog.records if record.levelno == logging.WARNING] == []
