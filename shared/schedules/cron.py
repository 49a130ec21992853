"""A cron expression is what cron means by it: five fields, Sunday is 0 or 7, and two kinds of days mean either."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cronsim import CronSim, CronSimError

LONGEST = 100  # characters
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last one, or LW for the last weekday"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, where 0 and 7 are Sunday; 1#2 is the second Monday, 5L the last Friday"),
)
ANYTHING = ["*"] * len(FIELDS)
SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  # by the wall clock


@dataclass(frozen=True)
class Cron:
    """An expression that was found good. `fields` are its five fields, a nickname spelt out."""

    fields: str

    @property
    def names_its_hours(self) -> bool:
        """Whether it means certain hours of the day; or else each hour, or each so many, as they come."""
        return not self.fields.split()[1].startswith("*")

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times on a wall clock that never changes, later than this one; for 50 years at most between two."""
        return CronSim(self.fields, moment)


def cron_of(text: str) -> Cron:
    """Raises ValueError, with a sentence that names the field."""
    if len(text) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    spelt_out = NICKNAMES.get(text.strip().lower(), text)
    if spelt_out.strip().startswith("@"):
        raise ValueError(f"is no nickname that is known: {', '.join(NICKNAMES)}")
    fields = spelt_out.upper().split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"must have five fields, and has {len(fields)}: minute, hour, day, month and day of the week")
    for place, (field, (name, accepted)) in enumerate(zip(fields, FIELDS, strict=True)):
        if not is_good(" ".join([*ANYTHING[:place], field, *ANYTHING[place + 1 :]])):
            raise ValueError(f"its {name}, {field}, is not accepted: {accepted}, *, lists, ranges and steps of these")
    together = " ".join(fields)
    if not is_good(together) or next(Cron(together).after(SOME_DAY), None) is None:
        raise ValueError("names a day that never comes")
    return Cron(together)


def is_good(fields: str) -> bool:
    try:
        CronSim(fields, SOME_DAY)
    except (CronSimError, AssertionError, ValueError):
        return False
    return True
