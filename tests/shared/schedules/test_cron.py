"""Cron expressions mean what cron means by them, and what cannot be meant is refused by its field."""

from datetime import datetime
from itertools import islice

import pytest

from shared.schedules.cron import cron_of

SUNDAY = datetime(2026, 11, 1)  # noqa: DTZ001  # by the wall clock


def days_after(text: str, count: int) -> list[str]:
    return [f"{moment:%a %d}" for moment in islice(cron_of(text).after(SUNDAY), count)]


@pytest.mark.parametrize("sunday", ["0", "7", "SUN", "sun"])
def test_sunday_is_0_and_7(sunday: str) -> None:
    assert days_after(f"0 12 * * {sunday}", 2) == ["Sun 01", "Sun 08"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 12 * * 1-5", ["Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06", "Mon 09"]),
        ("0 12 * * MON,WED", ["Mon 02", "Wed 04", "Mon 09"]),
        ("0 12 * * */2", ["Sun 01", "Tue 03", "Thu 05", "Sat 07", "Sun 08"]),
        ("0 12 13 * FRI", ["Fri 06", "Fri 13", "Fri 20"]),  # either, not both
        ("0 12 3 * MON", ["Mon 02", "Tue 03", "Mon 09"]),
        ("0 12 L * *", ["Mon 30", "Thu 31"]),
        ("0 12 * * 1#2", ["Mon 09", "Mon 14"]),
        ("@weekly", ["Sun 08", "Sun 15"]),
        ("@daily", ["Mon 02", "Tue 03"]),
        ("@Monthly", ["Tue 01", "Fri 01"]),
    ],
)
def test_days_are_those_of_cron(text: str, days: list[str]) -> None:
    assert days_after(text, len(days)) == days


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60 * * * *", "minute, 60,"),
        ("* 24 * * *", "hour, 24,"),
        ("* * 0 * *", "day of the month, 0,"),
        ("* * * 13 *", "month, 13,"),
        ("* * * * 8", "day of the week, 8,"),
        ("5-1 * * * *", "minute, 5-1,"),
        ("*/0 * * * *", "minute, */0,"),
        ("* * * * MONDAY", "day of the week, MONDAY,"),
        ("* * * * 5L/2", "day of the week, 5L/2,"),
        ("\u00b2 * * * *", "minute, \u00b2,"),
        ("* * * *", "five fields, and has 4"),
        ("* * * * * *", "five fields, and has 6"),
        ("", "five fields, and has 0"),
        ("@never", "@hourly"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("*" * 101, "at most 100 characters"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("*", r"\*")):
        cron_of(text)
