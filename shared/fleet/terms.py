"""What is said of a server beside its URL: how many jobs it holds, how fast it is, and its labels."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
LABEL_FORM = "1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
MOST_LABELS = 16  # of a server, and that a job may ask for
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0
MOST_SLOTS = 64


class Terms(NamedTuple):
    """`slots` is how many jobs it holds. A server of `weight` 2 is twice as fast as one of 1."""

    slots: int
    weight: float = 1.0
    labels: Sequence[str] = ()


def labels_of(words: Iterable[str]) -> list[str]:
    """The words as labels: each once, sorted. Raises ValueError, with a sentence."""
    found = sorted(set(words))
    if wrong := [word for word in found if not LABEL.fullmatch(word)]:
        raise ValueError(f"{wrong[0][:64]!r} is no label: a label is {LABEL_FORM}")
    if len(found) > MOST_LABELS:
        raise ValueError(f"there may be at most {MOST_LABELS} labels")
    return found


Labels = Annotated[list[str], Field(max_length=MOST_LABELS), AfterValidator(labels_of)]
