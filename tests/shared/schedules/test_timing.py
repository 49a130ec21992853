"""The moments of a schedule when its clock is put forward and back: none is left out, and none comes twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

import pytest

from shared.schedules.timing import next_moments, timing_of, zone_named

MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "since", "moments"),
    [
        # Put forward: what the clock leaves out comes after the gap, once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28", ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]),
        ("*/20 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00+0200", "30 02:00+0200", "30 02:20+0200"]),
        ("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00+0200", "29 03:30+0200", "30 02:00+0200"]),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00", ["08 03:00-0400", "09 02:30-0400"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", ["04 02:30+1100", "05 02:15+1100"]),
        # Put back: what the clock shows twice comes the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["25 02:30+0200", "26 02:30+0100"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", ["01 01:30-0400", "02 01:30-0500"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", ["05 01:45+1100", "06 01:45+1030"]),
        # Between the two times that the clock shows 2:30.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45", ["26 02:30+0100"]),
        # Each hour: as they come.
        ("30 * * * *", "Europe/Berlin", "2026-03-29", ["29 01:30+0100", "29 03:30+0200"]),
        ("30 * * * *", "Europe/Berlin", "2026-10-25", ["25 02:30+0200", "25 02:30+0100", "25 03:30+0100"]),
        ("*/15 * * * *", "Australia/Lord_Howe", "2026-10-03T15:10", ["04 01:45+1030", "04 02:30+1100"]),
        (
            "*/15 * * * *",
            "Australia/Lord_Howe",
            "2026-04-04T14:20",
            ["05 01:30+1100", "05 01:45+1100", "05 01:30+1030", "05 01:45+1030", "05 02:00+1030"],
        ),
        ("0 0 * * *", "UTC", "2026-03-29", ["30 00:00+0000", "31 00:00+0000"]),
        ("0 12 29 2 *", "Pacific/Apia", "2026-01-01", ["29 12:00+1300", "29 12:00+1300"]),
    ],
)
def test_a_clock_that_moves_changes_nothing_but_the_moment(
    cron: str, zone: str, since: str, moments: list[str]
) -> None:
    found = next_moments(timing_of(cron, zone), utc(since), len(moments))
    assert [f"{moment:%d %H:%M%z}" for moment in found] == moments


def minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        since += MINUTE
        yield since


@pytest.mark.broad
@pytest.mark.parametrize("day", ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"])
def test_they_are_those_that_one_finds_by_watching_the_clock(zone: str, day: str) -> None:
    """Each minute of three days is looked at: a clock that shows the time, or has just been put past it."""
    place, since = ZoneInfo(zone), utc(day)
    until = since + timedelta(days=3)
    shown = [(moment, moment.astimezone(place).replace(tzinfo=None)) for moment in minutes(since, until)]

    every = [moment for moment, wall in shown if wall.minute in {0, 45}]
    timing = timing_of("0,45 * * * *", zone)
    assert list(takewhile(lambda moment: moment <= until, timing.after(since))) == every

    named = {wall.replace(hour=hour, minute=minute) for _, wall in shown for hour in range(4) for minute in (0, 15, 45)}
    first = {next((moment for moment, wall in shown if wall >= time), until + MINUTE) for time in named}
    timing = timing_of("0,15,45 0,1,2,3 * * *", zone)
    found = list(takewhile(lambda moment: moment <= until, timing.after(since)))
    begins_anew = shown[0][1].replace(hour=0, minute=0) + timedelta(days=1)  # before that, times had passed already
    assert [moment for moment in found if moment.astimezone(place).replace(tzinfo=None) >= begins_anew] == sorted(
        moment for moment in first if moment <= until and moment.astimezone(place).replace(tzinfo=None) >= begins_anew
    )


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "europe", "../etc/passwd", "", "x" * 65, "+02:00", "localtime", "Factory"]
)
def test_a_time_zone_is_one_of_the_list(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_named(name)


def test_a_system_without_time_zones_will_do() -> None:
    reset_tzpath(())
    try:
        assert {"Europe/Berlin", "Australia/Lord_Howe"} <= available_timezones()
        winter = datetime(2026, 1, 1, tzinfo=ZoneInfo.no_cache("America/New_York"))
        assert winter.utcoffset() == timedelta(hours=-5)
    finally:
        reset_tzpath()
