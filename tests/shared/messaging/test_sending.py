"""Messages and the call to look for them go to Redis together, and arrive whatever Redis has forgotten."""

from typing import Any
from uuid import uuid4

import pytest
import redis

from shared.messaging.messages import Queue, RunComfyJob
from shared.messaging.messenger import Messenger


def messages(number: int) -> list[tuple[RunComfyJob, str]]:
    return [(RunComfyJob(job_id=job_id), str(uuid4())) for job_id in range(1, number + 1)]


def waiting(messenger: Messenger) -> int | None:
    return messenger.waiting_messages(RunComfyJob(job_id=1).queue)


def test_each_message_is_sent_once_be_they_few_or_many(messenger: Messenger) -> None:
    for number, so_far in ((1, 1), (1, 2), (100, 102)):
        assert messenger.send_all(messages(number))
        assert waiting(messenger) == so_far


@pytest.mark.parametrize("number", [1, 3])
def test_a_redis_that_has_forgotten_dramatiqs_scripts_is_told_them_again(messenger: Messenger, number: int) -> None:
    assert messenger.send_all(messages(1))
    messenger.broker.client.script_flush()
    assert messenger.send_all(messages(number))
    assert waiting(messenger) == 1 + number


def test_workers_are_told_to_look_once_the_messages_are_there(messenger: Messenger, redis_client: redis.Redis) -> None:
    with redis_client.pubsub() as heard:  # type: ignore[no-untyped-call]  # redis leaves this one untyped
        heard.subscribe(messenger.channels.wakeups)
        assert heard.get_message(timeout=5)
        for number in (1, 1, 3):
            assert messenger.send_all(messages(number))
            told = heard.get_message(timeout=5)
            assert told
            assert Queue(told["data"].decode()) is RunComfyJob(job_id=1).queue
        assert waiting(messenger) == 5


def test_a_messenger_that_is_closed_leaves_no_connection(messenger: Messenger) -> None:
    assert messenger.send_all(messages(2))
    messenger.client.ping()
    pools = [messenger.client.connection_pool, messenger.broker.client.connection_pool]
    assert all(any(one.is_connected for one in opened(pool)) for pool in pools)
    messenger.close()
    assert not any(one.is_connected for pool in pools for one in opened(pool))
    assert messenger.send_all(messages(1))  # a late one opens a connection of its own


def opened(pool: redis.ConnectionPool) -> list[Any]:
    """The connections of a pool, which has no public name for them."""
    return list(pool._available_connections)
