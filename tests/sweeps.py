"""A sweep tries every value in every place: some of them in each with `make test`, and all with `make test-long`.

The share moves on by one from place to place, so that `make test` too uses each value, and each place.
"""

from collections.abc import Sequence
from typing import TypeVar

import pytest

T = TypeVar("T")


def sweep(one_in: int) -> pytest.MarkDecorator:
    """Run a test with `one_in` as this number, and in `make test-long` with 1."""
    return pytest.mark.parametrize(
        "one_in", [pytest.param(one_in, id=f"one in {one_in}"), pytest.param(1, id="all", marks=pytest.mark.long)]
    )


def share(values: Sequence[T], one_in: int, place: int) -> Sequence[T]:
    """The values for the place of this number."""
    return values[place % one_in :: one_in]
