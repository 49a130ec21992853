"""While Redis is away one caller a second asks it, and it is noticed at once when it is back."""

from shared.messaging.redis_away import RedisAway


def test_while_redis_answers_everyone_asks() -> None:
    redis = RedisAway()
    assert [redis.may_ask() for _ in range(3)] == [True] * 3
    assert redis.answered() is False, "that is no news"


def test_after_a_failure_nobody_asks_for_a_while() -> None:
    redis = RedisAway()
    assert redis.failed() is True
    assert not redis.may_ask()
    assert redis.failed() is False, "that is no news any more"


def test_then_one_asks_and_has_the_pause_to_itself() -> None:
    redis = RedisAway(pause_s=60)
    redis.failed()
    redis.silent_until = 0.0  # the pause is over
    assert [redis.may_ask() for _ in range(3)] == [True, False, False]


def test_once_redis_answers_everyone_asks_again() -> None:
    redis = RedisAway(pause_s=60)
    redis.failed()
    assert redis.answered() is True
    assert [redis.may_ask() for _ in range(3)] == [True] * 3
