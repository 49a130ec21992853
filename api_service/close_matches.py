"""Names that somebody may have meant: like the one given, whatever their folder or their case."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_COMPARED = 255  # longer ones are no names, and comparing takes its time
MOST = 3


def close_matches(given: str, among: Iterable[str]) -> list[str]:
    """At most three of these names that are like the one given, the closest first."""
    if not 0 < len(given) <= LONGEST_COMPARED:
        return []
    by_key: dict[str, str] = {}
    for name in sorted(among):
        by_key.setdefault(name.casefold(), name)
        by_key.setdefault(without_folder(name), name)
    keys = [
        *get_close_matches(given.casefold(), by_key, n=MOST),
        *get_close_matches(without_folder(given), by_key, n=MOST),
    ]
    return list(dict.fromkeys(by_key[key] for key in keys))[:MOST]


def without_folder(name: str) -> str:
    return name.casefold().replace("\\", "/").rpartition("/")[2]


def suggestion(given: str, among: Iterable[str]) -> str:
    """The end of a sentence that says a name is not known: `; did you mean 'a' or 'b'?`, or nothing."""
    found = close_matches(given, among)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
