"""A worker starts afresh after so many messages, in a pause if there is one."""

import pytest
from dramatiq import MessageProxy
from dramatiq.brokers.stub import StubBroker

from shared.messaging.messages import DeliverWebhooks, RunComfyJob
from tests.worker_service.waiting import until
from worker_service.dramatiq_glue.middleware import PUT_OFF, Recycling

MESSAGES = 3
MESSAGE = MessageProxy(RunComfyJob(job_id=1).to_dramatiq())
BROKER = StubBroker()


class Afresh:
    """Counts how often it was asked for a fresh process."""

    def __init__(self, idle_s: float) -> None:
        self.times = 0
        self.recycling = Recycling(RunComfyJob.actor_name, MESSAGES, idle_s=idle_s, restart=self)

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
    afresh.process(MESSAGES * PUT_OFF - 1)
    assert afresh.times == 0
    afresh.process(1)
    assert afresh.times == 1
