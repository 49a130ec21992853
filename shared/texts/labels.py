"""Labels are words: an operator gives them to servers, and jobs ask for them."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
LABEL_FORM = "1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
MOST_LABELS = 16  # of a server, and that a job may ask for


def labels_of(words: Iterable[str]) -> list[str]:
    """The words as labels: each once, sorted. Raises ValueError, with a sentence."""
    found = sorted(set(words))
    if wrong := [word for word in found if not LABEL.fullmatch(word)]:
        raise ValueError(f"{wrong[0][:64]!r} is no label: a label is {LABEL_FORM}")
    if len(found) > MOST_LABELS:
        raise ValueError(f"there may be at most {MOST_LABELS} labels")
    return found


def is_label(word: str) -> str:
    return labels_of([word])[0]


Label = Annotated[str, AfterValidator(is_label)]
Labels = Annotated[list[str], Field(max_length=MOST_LABELS), AfterValidator(labels_of)]
