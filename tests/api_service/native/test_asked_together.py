"""Questions that come within a moment are asked at once, and each asker has its own answer."""

import asyncio
from collections.abc import Collection

import pytest

from api_service.http.shared_answers.asked_together import AskedTogether


def test_questions_of_one_moment_are_asked_at_once_and_later_ones_again() -> None:
    asked: list[list[int]] = []

    async def ask(keys: Collection[int]) -> dict[int, str]:
        asked.append(sorted(keys))
        return {key: str(key) for key in keys if key != 2}

    async def story() -> None:
        together = AskedTogether(ask)
        assert await asyncio.gather(*map(together.answer, (1, 2, 1, 3))) == ["1", None, "1", "3"]
        assert await together.answer(1) == "1"

    asyncio.run(story())
    assert asked == [[1, 2, 3], [1]]


def test_an_error_is_everybodys_and_who_leaves_takes_nothing_away() -> None:
    async def ask(keys: Collection[int]) -> dict[int, str]:
        if 0 in keys:
            raise ValueError("none")
        return {key: str(key) for key in keys}

    async def story() -> None:
        together = AskedTogether(ask)
        failed = await asyncio.gather(*map(together.answer, (0, 1)), return_exceptions=True)
        assert [type(one) for one in failed] == [ValueError] * 2
        leaving, staying = (asyncio.create_task(together.answer(1)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == "1"
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(story())
