"""A line that repeats is written a few times and then counted; every other line is written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from shared.configuration.repeated_lines import REMEMBERED, WINDOW_S, WRITTEN, CountingHandler, Repeats

MANY = 10_000


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(written: io.StringIO) -> Iterator[logging.Logger]:
    handler = CountingHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger(f"tests.{id(written)}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield logger
    handler.close()


def record(message: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("tests", level, __file__, 1, message, None, None)


def test_the_same_error_over_and_over_is_a_few_lines_and_a_count(log: logging.Logger, written: io.StringIO) -> None:
    for _ in range(MANY):
        log.error("no more files")
    log.handlers[0].close()
    *lines, last = written.getvalue().splitlines()
    assert lines == ["ERROR no more files"] * WRITTEN
    assert last == "ERROR log.repeated"


def test_what_is_information_and_what_differs_is_written(log: logging.Logger, written: io.StringIO) -> None:
    for number in range(50):
        log.info("answered")
        log.warning("job %s failed", number)
    assert len(written.getvalue().splitlines()) == 100


def test_lines_of_ours_are_the_same_whichever_request_they_came_with() -> None:
    repeats = Repeats()
    passed = [
        repeats.passes(
            record(
                {"event": "database.unavailable", "request_id": str(number), "trace_id": str(number), "error": "away"}
            ),
            0,
        )
        for number in range(MANY)
    ]
    assert sum(passed) == WRITTEN
    assert repeats.passes(record({"event": "database.unavailable", "request_id": "1", "job_id": 7}), 0)


def test_the_count_is_told_once_the_window_is_over_and_then_it_begins_anew() -> None:
    repeats = Repeats()
    for _ in range(WRITTEN + 5):
        repeats.passes(record("no more files"), 0)
    assert list(repeats.over(WINDOW_S / 2)) == []
    (summary,) = repeats.over(WINDOW_S)
    assert (summary.msg, vars(summary)["of"], vars(summary)["left_out"]) == ("log.repeated", "no more files", 5)
    assert repeats.passes(record("no more files"), WINDOW_S)


def test_a_million_different_lines_take_no_more_memory_than_a_few_hundred() -> None:
    repeats = Repeats()
    for number in range(MANY):
        assert repeats.passes(record(f"{number} is wrong"), 0)
        assert list(repeats.over(0)) == []
    assert len(repeats.lines) <= REMEMBERED


def test_a_line_with_large_and_deep_facts_is_compared_quickly() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    repeats = Repeats()
    facts = {"event": "x", "deep": deep, "long": "a" * 10**7, "many": list(range(10**5)), "map": {"a": deep}}
    for _ in range(WRITTEN):
        assert repeats.passes(record(facts), 0)
    assert not repeats.passes(record(facts), 0)


def test_a_summary_is_a_line_like_any_other() -> None:
    repeats = Repeats()
    for _ in range(WRITTEN + 1):
        repeats.passes(record({"event": "redis.unavailable", "lost": "event"}, logging.WARNING), 0)
    (summary,) = repeats.over(WINDOW_S)
    assert json.loads(json.dumps({name: vars(summary)[name] for name in ("of", "left_out", "within_s")})) == {
        "of": "redis.unavailable",
        "left_out": 1,
        "within_s": WINDOW_S,
    }
