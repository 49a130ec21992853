"""A bell lets its stream look soon after each ring, and never as often as it rings."""

import asyncio

import pytest

from api_service.streams.bell import Bell, TaskBell
from api_service.streams.watch import KeyEnded
from api_service.streams.watchers import Watchers
from tests.jobs import ANOTHER_USER, USER


def test_a_bell_that_rings_all_the_time_makes_nobody_look_more_often() -> None:
    async def story() -> None:
        bell = Bell(asyncio.Event())
        bell.ring()
        pausing = asyncio.create_task(bell.rings_after(30, 60))
        for _ in range(10):
            await asyncio.sleep(0)
            bell.ring()
        assert not pausing.done()
        bell.end(KeyEnded())
        with pytest.raises(KeyEnded):
            await pausing

    asyncio.run(story())


def test_a_ring_during_the_least_pause_is_heard_at_its_end() -> None:
    async def story() -> None:
        bell = Bell(asyncio.Event())
        bell.ring()
        async with asyncio.timeout(20):
            await bell.rings_after(0.01, 3600)
            pausing = asyncio.create_task(bell.rings_after(0, 3600))
            await asyncio.sleep(0)
            assert not pausing.done(), "each ring is heard once"
            bell.ring()
            await pausing

    asyncio.run(story())


def test_a_bell_of_tasks_rings_for_its_user_and_for_who_follows_everybody() -> None:
    async def story() -> None:
        watchers = Watchers()
        bells = {owner: TaskBell(asyncio.Event()) for owner in (USER, ANOTHER_USER, None)}
        for owner, bell in bells.items():
            watchers.join_user(bell, owner)
        watchers.ring([USER])
        assert not any(bell.rang.is_set() for bell in bells.values()), "news are no tasks"
        watchers.ring_of_tasks([USER])
        assert {owner: bell.rang.is_set() for owner, bell in bells.items()} == {
            USER: True,
            ANOTHER_USER: False,
            None: True,
        }

    asyncio.run(story())
