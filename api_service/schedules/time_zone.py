"""A time zone that a client names: one of the IANA's list, or a refusal that names one like it; and a day of it."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from api_service.fleet.close_matches import suggestion
from shared.schedules.timing import LONGEST_ZONE, known_zones, zone_named

FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def is_time_zone(value: str) -> str:
    try:
        zone_named(value)
    except ValueError as error:
        raise ValueError(f"{error}{suggestion(value, known_zones())}") from None
    return value


def is_of_a_calendar(day: date) -> date:
    # So that it has a beginning and an end in every time zone.
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"must be from {FIRST_DAY} to {LAST_DAY}")
    return day


Day = Annotated[date, AfterValidator(is_of_a_calendar)]
ZoneName = Annotated[str, Field(min_length=1, max_length=LONGEST_ZONE), AfterValidator(is_time_zone)]
