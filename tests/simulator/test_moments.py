"""Prompts that come within one millisecond are still told apart by when they came."""

from deploy.simulator.running.simulator import Moments


def test_while_the_clock_stands_still_each_moment_is_later_than_the_one_before() -> None:
    now_s = 5.0
    moments = Moments(lambda: now_s)
    assert [moments.next() for _ in range(3)] == [5000, 5001, 5002]
    now_s = 4.0
    assert moments.next() == 5003
    now_s = 6.0
    assert moments.next() == 6000
