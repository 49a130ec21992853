"""A word of a closed set that a newer release has added is read by its name, and equals no other."""

from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from pydantic import BeforeValidator

Words = TypeVar("Words", bound=StrEnum)


def word_in(words: type[Words], text: str) -> Words:
    """The member of this name; of one that this release does not know, a member that is in no list of them.

    While releases replace each other, the newer one writes what the older one has to show. It is for what we have
    written ourselves: what callers send is held to the words that are known.
    """
    try:
        return words(text)
    except ValueError:
        made = str.__new__(words, text)
        made._name_, made._value_ = text, text
        return made


def is_known(word: StrEnum) -> bool:
    """Whether this release has the word."""
    return word in type(word).__members__.values()


def also_newer(words: type[StrEnum]) -> Any:
    """What makes a model's field take a word that only a newer release knows: `Annotated[Kind, also_newer(Kind)]`."""
    return BeforeValidator(partial(word_or_as_it_is, words))


def word_or_as_it_is(words: type[StrEnum], given: Any) -> Any:
    return word_in(words, given) if isinstance(given, str) else given
