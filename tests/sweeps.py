"""A sweep tries every value in every place: some of them in each with `make test`, and all with `make test-long`.

The share moves on by one from place to place, so that `make test` too uses each value, and each place.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def sweep(one_in: int) -> pytest.MarkDecorator:
    """Run a test with `one_in` as four times this number, at a landing as this number, and in `make test-long` as 1."""
    shares = ((4 * one_in, ()), (one_in, pytest.mark.landing), (1, pytest.mark.long))
    return pytest.mark.parametrize(
        "one_in", [pytest.param(number, id=f"one in {number}", marks=marks) for number, marks in shares]
    )


def share(values: Sequence[T], one_in: int, place: int) -> Sequence[T]:
    """The values for the place of this number."""
    return values[place % one_in :: one_in]


def rest_at_landing(values: Iterable[Any], count: int = 1) -> list[Any]:
    """Cases of one test: `make test` tries this number of them, and a landing the others."""
    cases = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*case, marks=pytest.mark.landing if n >= count else ()) for n, case in enumerate(cases)]
