"""A worker starts afresh after so many messages, in a pause if there is one."""

from collections.abc import Iterator

import pytest
from dramatiq import MessageProxy
from dramatiq.brokers.redis import RedisBroker

from shared.broker import sending_broker
from shared.messages import RunComfyJob
from shared.outbox import Outbox
from shared.settings import Settings, load_settings
from worker_service.middleware.recycling import PUT_OFF, Recycling

MESSAGES = 3
MESSAGE = MessageProxy(RunComfyJob(job_id=1).to_dramatiq())


class Afresh:
    """Counts how often it was asked for a fresh process."""

    def __init__(self) -> None:
        self.times = 0
        self.recycling = Recycling(MESSAGES, start_afresh=self)

    def __call__(self) -> None:
        self.times += 1

    def begin(self, broker: RedisBroker) -> None:
        self.recycling.before_process_message(broker, MESSAGE)

    def process(self, broker: RedisBroker, times: int) -> None:
        for _ in range(times):
            self.begin(broker)
            self.recycling.after_process_message(broker, MESSAGE)


@pytest.fixture
def broker(settings: Settings) -> Iterator[RedisBroker]:
    broker = sending_broker(settings)
    yield broker
    broker.client.close()


def test_an_idle_worker_starts_afresh_after_its_last_message_and_asks_once(broker: RedisBroker) -> None:
    afresh = Afresh()
    afresh.process(broker, MESSAGES - 1)
    assert afresh.times == 0
    afresh.process(broker, 1)
    assert afresh.times == 1
    afresh.process(broker, MESSAGES * PUT_OFF)
    assert afresh.times == 1


def test_it_is_put_off_while_a_message_is_being_worked_on(broker: RedisBroker) -> None:
    afresh = Afresh()
    afresh.begin(broker)
    afresh.process(broker, MESSAGES)
    assert afresh.times == 0
    afresh.recycling.after_process_message(broker, MESSAGE)
    assert afresh.times == 1


def test_it_is_put_off_while_a_message_waits_but_not_for_ever(broker: RedisBroker, outbox: Outbox) -> None:
    outbox.send(RunComfyJob(job_id=1))
    afresh = Afresh()
    afresh.process(broker, MESSAGES * PUT_OFF - 1)
    assert afresh.times == 0
    afresh.process(broker, 1)
    assert afresh.times == 1


def test_while_redis_is_away_nobody_knows_whether_a_message_waits(environ: dict[str, str]) -> None:
    away = sending_broker(load_settings({**environ, "REDIS_URL": "redis://127.0.0.1:1/0"}))
    afresh = Afresh()
    afresh.process(away, MESSAGES)
    assert afresh.times == 0
