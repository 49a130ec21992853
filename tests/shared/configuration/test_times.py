"""A time is shown in the unit that somebody would write it in, and what is shown is a value of its setting."""

from datetime import timedelta

import pytest

from shared.configuration.types import as_shown, duration, in_words


@pytest.mark.parametrize(
    ("value", "shown", "words"),
    [
        (timedelta(days=7), "7d", "7 days"),
        (timedelta(days=36500), "36500d", "36500 days"),
        (timedelta(days=1), "1d", "1 day"),
        (timedelta(hours=36), "36h", "36 hours"),
        (timedelta(minutes=90), "90m", "90 minutes"),
        (timedelta(seconds=90), "90s", "90 seconds"),
        (timedelta(seconds=1_234_567), "1234567s", "1234567 seconds"),
        (timedelta(milliseconds=250), "0.25s", "0.25 seconds"),
        (timedelta(0), "0s", "0 seconds"),
    ],
)
def test_times_are_shown_in_their_unit(value: timedelta, shown: str, words: str) -> None:
    assert (as_shown(value), in_words(value)) == (shown, words)
    if value:
        assert duration(shown) == value
