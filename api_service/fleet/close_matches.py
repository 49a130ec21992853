"""Names that somebody may have meant: like the one given, whatever their folder or their case."""

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest

LONGEST_COMPARED = 255  # longer ones are no names, and comparing takes its time
MOST = 3
MOST_COMPARED = 40  # letter by letter, which takes 0.1 ms each


def close_matches(given: str, among: Iterable[str]) -> list[str]:
    """At most three of these names that are like the one given, the closest first."""
    if not 0 < len(given) <= LONGEST_COMPARED:
        return []
    wanted = without_folder(given)
    by_key: dict[str, str] = {}
    for name in sorted(among):
        by_key.setdefault(without_folder(name), name)
    pairs = pairs_of(wanted)
    likely = nlargest(MOST_COMPARED, by_key, key=lambda key: len(pairs & pairs_of(key)) / (len(pairs) + len(key)))
    return [by_key[key] for key in get_close_matches(wanted, likely, n=MOST)]


def without_folder(name: str) -> str:
    return name.casefold().replace("\\", "/").rpartition("/")[2]


def pairs_of(name: str) -> set[str]:
    return {name[place : place + 2] for place in range(max(1, len(name) - 1))}


def suggestion(given: str, among: Iterable[str]) -> str:
    """The end of a sentence that says a name is not known: `; did you mean 'a' or 'b'?`, or nothing."""
    found = close_matches(given, among)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
