"""What is logged is short, whoever had a say in it, and holds no password."""

from typing import Any

import pytest

from shared.configuration.logging import DEEPEST, LONGEST_TEXT, MOST_ITEMS, bounded
from shared.configuration.urls.secret_urls import masked

LONG = 1_000_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://anna:secret@host/db", "postgresql://anna:***@host/db"),
        ("(1redis://:secret@host)", "(1redis://:***@host)"),
        ("http://a:b@c and https://d:e@f", "http://a:***@c and https://d:***@f"),
        ("http://user@host/a:b@c", "http://user@host/a:b@c"),
        ("no url: a:b@c", "no url: a:b@c"),
    ],
)
def test_the_password_of_a_url_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


# Each took time that grew with the square of its length, or worse, in an expression that began with a repeat.
@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["a" * LONG, "a." * LONG, "://" * LONG, "://a:" * LONG, "://" + "a" * LONG, "@:/" * LONG]
)
def test_masking_takes_time_in_proportion_to_the_text(text: str) -> None:
    assert masked(text) == text


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    assert bounded("a" * (LONGEST_TEXT + 5)) == "a" * LONGEST_TEXT + "... (5 more characters)"


def test_a_long_list_and_a_large_object_are_cut() -> None:
    shown = bounded(list(range(MOST_ITEMS + 7)))
    assert shown[-1] == "... (7 more items)"
    assert len(shown) == MOST_ITEMS + 1
    assert len(bounded({str(number): number for number in range(LONG)})) == MOST_ITEMS


def test_what_is_nested_without_end_is_cut() -> None:
    value: list[Any] = []
    for _ in range(5000):
        value = [value]
    shown, depth = bounded(value), 0
    while shown != "...":
        (shown,), depth = shown, depth + 1
    assert depth == DEEPEST
