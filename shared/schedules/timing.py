"""The moments of a schedule, by the wall clock of its time zone: none is left out and none comes twice as that changes.

A time that is named (`30 2 * * *`) comes once a day: where the clock leaves it out, at the moment after the gap; where
the clock shows it twice, the first time. Each hour (`30 * * * *`: hours that begin with `*`) goes by the clock as it
goes: an hour that there is not is left out, and one that comes twice counts twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from shared.schedules.cron import Cron, cron_of

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NEAR = timedelta(days=2)  # no clock is put forward or back by more
MOST_CHANGES = 10  # of a clock within what NEAR means, and many more than there are
LONGEST_ZONE = 64  # characters
OF_NOWHERE = {"localtime", "Factory"}  # files beside the zones: what a machine is set to, and what none is


@dataclass(frozen=True)
class Timing:
    """When a schedule runs."""

    cron: Cron
    zone: tzinfo

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Its moments after this one, in UTC. They end where none comes for 50 years."""
        following = self.named_after if self.cron.names_its_hours else self.elapsed_after
        found: datetime | None = moment
        while found is not None and (found := following(found)) is not None:
            yield found

    def next_after(self, moment: datetime) -> datetime | None:
        return next(self.after(moment), None)

    def named_after(self, moment: datetime) -> datetime | None:
        """The first moment of a wall time that is named. On the wall these are in the order in which they come, but
        for those that an hour shows again: they were before."""
        moments = (moment_of(wall, self.zone) for wall in self.cron.after(on_the_wall(moment, self.zone)))
        return next((found for found in moments if found > moment), None)

    def elapsed_after(self, moment: datetime) -> datetime | None:
        """The first moment at which the clock, as it goes, shows such a time: looked for up to its next change, and
        then anew from there."""
        since, wall = moment, on_the_wall(moment, self.zone)
        for _ in range(MOST_CHANGES):
            shown = next(self.cron.after(wall), None)
            if shown is None:
                return None
            found = (shown - offset_at(since, self.zone)).replace(tzinfo=UTC)
            changed = first_change(since, found, self.zone)
            if changed is None:
                return found
            since, wall = changed, on_the_wall(changed, self.zone) - SECOND
        return None


def timing_of(cron: str, time_zone: str) -> Timing:
    """Raises ValueError."""
    return Timing(cron_of(cron), zone_named(time_zone))


def zone_named(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises ValueError."""
    if name == "UTC":
        return UTC
    if len(name) > LONGEST_ZONE or name not in known_zones():
        raise ValueError("is no time zone of the IANA's list, such as Europe/Berlin or UTC")
    return ZoneInfo(name)


@cache
def known_zones() -> frozenset[str]:
    """Read once: from this system's files, or else from those that are installed with us."""
    return frozenset(available_timezones() - OF_NOWHERE)


def next_moments(timing: Timing, moment: datetime, count: int) -> list[datetime]:
    """The next ones, as the clock of the time zone shows them."""
    return [found.astimezone(timing.zone) for found in islice(timing.after(moment), count)]


def on_the_wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None, "the zone is one of ours"
    return offset


def moment_of(wall: datetime, zone: tzinfo) -> datetime:
    """When the clock first shows this time; or where it never does, the moment at which it was put forward past it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if on_the_wall(first, zone) == wall:
        return first
    # In a gap the offset from before it counts first: so the change lies between the two.
    return changed_between(second, first, zone)


def first_change(since: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """When the clock is first put forward or back after `since`, up to `until`; near either, as nothing can be shown
    in between that is not shown there."""
    if until - since <= 2 * NEAR:
        return change_within(since, until, zone)
    return change_within(since, since + NEAR, zone) or change_within(until - NEAR, until, zone)


def change_within(since: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    while since < until:
        later = min(since + HOUR, until)
        if offset_at(since, zone) != offset_at(later, zone):
            return changed_between(since, later, zone)
        since = later
    return None


def changed_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The second at which the offset changes, of two moments between which it does so once."""
    old = offset_at(before, zone)
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        before, after = (middle, after) if offset_at(middle, zone) == old else (before, middle)
    return after.replace(microsecond=0)
