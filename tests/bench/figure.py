"""A figure is a ratio: what the service does against what the same machine could do at best, measured in turn."""

import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.place import Place


class Round(NamedTuple):
    """One measurement of a figure and of its limit, one straight after the other."""

    value: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.value / self.limit


@dataclass(frozen=True)
class Figure:
    """What is measured, in which unit, against which limit, and which ratio is wanted: `>= 0.5` or `<= 1.05`."""

    name: str
    unit: str
    limit: str
    target: str

    def is_met(self, ratio: float) -> bool:
        comparison, _, wanted = self.target.partition(" ")
        return ratio >= float(wanted) if comparison == ">=" else ratio <= float(wanted)


Measure = Callable[[], Mapping[str, Round]]


@dataclass(frozen=True)
class Bench:
    """Figures that are measured together. `opened` sets up what they need and gives what measures one round of all.

    With `warm`, it has also warmed up what it set up, where a round more would take long.
    """

    figures: tuple[Figure, ...]
    opened: Callable[[Place], AbstractContextManager[Measure]]
    warm: bool = False


@dataclass(frozen=True)
class Result:
    """The rounds of one figure."""

    figure: Figure
    rounds: tuple[Round, ...]

    @property
    def ratio(self) -> float:
        return statistics.median(found.ratio for found in self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        ratios = [found.ratio for found in self.rounds]
        return min(ratios), max(ratios)

    @property
    def verdict(self) -> str:
        return "met" if self.figure.is_met(self.ratio) else "missed"

    def as_json(self) -> dict[str, Any]:
        return {
            "figure": self.figure.name,
            "value": statistics.median(found.value for found in self.rounds),
            "unit": self.figure.unit,
            "limit": statistics.median(found.limit for found in self.rounds),
            "ratio": self.ratio,
            "target": self.figure.target,
            "verdict": self.verdict,
            "rounds": [{"value": found.value, "limit": found.limit, "ratio": found.ratio} for found in self.rounds],
        }


def measured(bench: Bench, place: Place, rounds: int) -> Iterator[Result]:
    """Measure a bench so many times; one time more before that to warm up, unless it is warm or there is one round."""
    with bench.opened(place) as measure:
        if rounds > 1 and not bench.warm:
            measure()
        found = [measure() for _ in range(rounds)]
    for figure in bench.figures:
        yield Result(figure, tuple(one[figure.name] for one in found))


def table(results: Sequence[Result], before: Mapping[str, float]) -> Iterator[str]:
    """Lines for people; with the ratios of a run before, how each has changed."""
    yield f"{'FIGURE':<58} {'VALUE':>12} {'LIMIT':>12} {'RATIO':>7} {'SPREAD':>15} {'TARGET':>8}  VERDICT"
    for result in results:
        facts = result.as_json()
        least, most = result.spread
        earlier = before.get(result.figure.name)
        change = f"  ({result.ratio / earlier - 1:+.0%} against {earlier:.3g})" if earlier else ""
        yield (
            f"{result.figure.name:<58} {facts['value']:>9.4g} {result.figure.unit:<4}{facts['limit']:>8.4g} "
            f"{result.ratio:>9.3g} {f'{least:.3g}-{most:.3g}':>15} {result.figure.target:>8}  {result.verdict}{change}"
        )


def ratios_in(file: Path) -> dict[str, float]:
    """The ratios that an earlier run wrote, by figure."""
    return {found["figure"]: found["ratio"] for found in json.loads(file.read_text())}
