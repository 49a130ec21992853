"""What a report says of itself: which days it counts, by which clock, and what of them it cannot count any more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

UTC = "UTC"


def zone_in(parameters: Mapping[str, Any]) -> str:
    """The name of the time zone whose days a report counts. An older release named none: it counted those of UTC."""
    return str(parameters.get("time_zone", UTC))


@dataclass(frozen=True)
class Head:
    """The range of a report, and how many jobs are missing or incomplete in it."""

    first_day: str
    last_day: str
    time_zone: str
    deleted: int
    incomplete: int

    @classmethod
    def of(cls, parameters: Mapping[str, Any], result: Mapping[str, Any]) -> Self:
        counts = (int(result.get(name, 0)) for name in ("deleted", "incomplete"))
        return cls(parameters["first_day"], parameters["last_day"], zone_in(parameters), *counts)

    @property
    def filename(self) -> str:
        """Without what it ends in."""
        zone = "" if self.time_zone == UTC else f"-{self.time_zone.replace('/', '-')}"
        return f"report-{self.first_day}-{self.last_day}{zone}"

    @property
    def title(self) -> str:
        return f"Jobs from {self.first_day} to {self.last_day} ({self.time_zone})"

    def notes(self) -> Iterator[str]:
        """What is to be known of the numbers, sentence by sentence."""
        yield f"Days are those of the time zone {self.time_zone}, and a job counts on the day it was accepted."
        if self.deleted:
            yield (
                f"{self.deleted:,} jobs that were accepted on these days (UTC) have been deleted since. They are in no"
                " column but “deleted”: of them only the user and the day in UTC are known."
            )
        if self.incomplete:
            yield (
                f"Of {self.incomplete:,} jobs that are counted, attempts or outputs are not here, as they were removed"
                " or never came along: the GPU seconds of such a job, or its bytes, are not in the sums."
            )
