"""Names that nobody else has, and that no label contains."""

from secrets import choice

LETTERS = "bcdfghjklmnpqrstvwxz"  # no vowels, so no words: "Add" is also found in the label "Change anna-4add0e"


def letters(count: int) -> str:
    """As many letters, which spell no word."""
    return "".join(choice(LETTERS) for _ in range(count))


def name_of(stem: str) -> str:
    """A name that begins with `stem`, for one test."""
    return f"{stem}-{letters(10)}"
