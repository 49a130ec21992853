"""Who asks what is being asked already has that answer, and whoever leaves takes it from nobody."""

import asyncio

import pytest

from api_service.http.shared_answers.one_question import OneQuestion


def test_many_at_once_are_one_question_and_those_who_come_later_another() -> None:
    asked: list[str] = []

    async def ask(key: str) -> str:
        asked.append(key)
        await asyncio.sleep(0)
        return f"{key} {len(asked)}"

    async def story() -> None:
        questions = OneQuestion(ask)
        assert await asyncio.gather(*map(questions.answer, "abaa")) == ["a 2", "b 2", "a 2", "a 2"]
        assert await questions.answer("a") == "a 3"
        assert not questions.asking

    asyncio.run(story())
    assert asked == ["a", "b", "a"]


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    answers = iter([ValueError("none"), None])

    async def ask(key: str) -> str:
        await asyncio.sleep(0)
        if error := next(answers):
            raise error
        return key

    async def story() -> None:
        questions = OneQuestion(ask)
        failed = await asyncio.gather(*map(questions.answer, "aa"), return_exceptions=True)
        assert [type(one) for one in failed] == [ValueError] * 2
        leaving, staying = (asyncio.create_task(questions.answer("a")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == "a"
        with pytest.raises(asyncio.CancelledError):
            await leaving

    asyncio.run(story())
