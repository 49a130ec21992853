"""A worker starts afresh after so many messages, in a pause if there is one."""

import sys

import psutil
import pytest
from dramatiq import MessageProxy
from dramatiq.brokers.stub import StubBroker

from shared.messaging.messages import DeliverWebhooks, RunComfyJob
from tests.worker_service.waiting import until
from worker_service.dramatiq_glue.recycling import GROWN, PUT_OFF, PUT_OFF_AT_MOST, Recycling, resident_bytes

MESSAGES = 3
MESSAGE = MessageProxy(RunComfyJob(job_id=1).to_dramatiq())
BROKER = StubBroker()


class Afresh:
    """Counts how often it was asked for a fresh process, in one that has so much memory."""

    def __init__(self, idle_s: float, bytes_now: int | None = 100) -> None:
        self.times = 0
        self.bytes_now = bytes_now
        self.recycling = Recycling(
            RunComfyJob.actor_name, MESSAGES, idle_s=idle_s, memory=lambda: self.bytes_now, restart=self
        )

    def __call__(self) -> None:
        self.times += 1

    def begin(self) -> None:
        self.recycling.before_process_message(BROKER, MESSAGE)

    def end(self) -> None:
        self.recycling.after_process_message(BROKER, MESSAGE)

    def process(self, times: int) -> None:
        for _ in range(times):
            self.begin()
            self.end()


@pytest.fixture
def afresh() -> Afresh:
    """Of a worker that is idle as soon as it has nothing to do."""
    return Afresh(idle_s=0)


def test_an_idle_worker_starts_afresh_and_asks_once(afresh: Afresh) -> None:
    afresh.process(MESSAGES)
    until(lambda: afresh.times == 1)
    afresh.process(MESSAGES * PUT_OFF)
    assert afresh.times == 1


def test_it_is_put_off_while_a_message_is_being_worked_on(afresh: Afresh) -> None:
    afresh.begin()
    afresh.process(MESSAGES)
    assert afresh.times == 0
    afresh.end()
    until(lambda: afresh.times == 1)


def test_an_instant_between_two_messages_is_no_pause(afresh: Afresh) -> None:
    afresh.process(MESSAGES - 1)
    afresh.begin()
    afresh.recycling.ask_if_idle(begun=MESSAGES - 1)
    assert afresh.times == 0


def test_a_message_that_only_wakes_something_up_does_not_count(afresh: Afresh) -> None:
    wake_up = MessageProxy(DeliverWebhooks().to_dramatiq())
    for _ in range(MESSAGES * PUT_OFF):
        afresh.recycling.before_process_message(BROKER, wake_up)
        afresh.recycling.after_process_message(BROKER, wake_up)
    assert (afresh.recycling.done, afresh.times) == (0, 0)


def test_it_is_not_put_off_for_ever() -> None:
    afresh = Afresh(idle_s=3600)
    afresh.process(MESSAGES * PUT_OFF_AT_MOST - 1)
    assert afresh.times == 0
    afresh.process(1)
    assert afresh.times == 1


def test_one_that_has_work_and_has_grown_is_put_off_less() -> None:
    afresh = Afresh(idle_s=3600)
    afresh.process(MESSAGES)
    afresh.bytes_now = round(100 * GROWN) + 1
    afresh.process(MESSAGES * (PUT_OFF - 1) - 1)
    assert afresh.times == 0
    afresh.process(1)
    assert afresh.times == 1


def test_it_is_looked_at_again_while_it_is_put_off() -> None:
    afresh = Afresh(idle_s=3600)
    afresh.process(MESSAGES * (PUT_OFF + 2))
    assert afresh.times == 0
    afresh.bytes_now = round(100 * GROWN) + 1
    afresh.process(MESSAGES)
    assert afresh.times == 1


def test_where_nobody_knows_its_memory_it_may_have_grown() -> None:
    afresh = Afresh(idle_s=3600, bytes_now=None)
    afresh.process(MESSAGES * PUT_OFF)
    assert afresh.times == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_the_memory_of_a_process_is_known() -> None:
    found = resident_bytes()
    assert found is not None
    assert found == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
