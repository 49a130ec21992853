"""Variables whose names are close to a setting's, but are none: each is named with what was probably meant."""

from collections.abc import Collection, Iterator, Mapping

# What people write that is too far from our name to be found by its letters.
OTHER_WORDS = dict.fromkeys(
    ("COMFYUI", "COMFY_URL", "COMFYUI_HOST", "COMFYUI_SERVER", "COMFYUI_SERVERS", "COMFYUI_ADDRESS"), "COMFYUI_URLS"
)
# Close to one of ours, and other programs' own.
FOREIGN = {"APP_HOST", "APP_PORT", "TASK_TIME_LIMIT"}


def misspelt(environ: Mapping[str, str], known: Collection[str]) -> list[str]:
    """A line for each variable that is none of the known ones and was probably meant to be one.

    None where the variable that was meant is set as well: then nothing is lost.
    """
    return [
        f"{name} is not a setting and has no effect: {meant} was probably meant"
        for name in sorted(environ.keys() - set(known) - FOREIGN)
        if environ[name].strip() and (meant := nearest(name, known)) and not environ.get(meant, "").strip()
    ]


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known variable whose name is so close: one letter in five may be wrong, missing or too many."""
    capitals = name.upper()
    if capitals in OTHER_WORDS:
        return OTHER_WORDS[capitals]
    return min(within_reach(capitals, known), default=(0, None))[1]


def within_reach(name: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    for candidate in known:
        most = len(candidate) // 5
        if abs(len(candidate) - len(name)) <= most and (found := distance(name, candidate)) <= most:
            yield found, candidate


def distance(one: str, other: str) -> int:
    """How many letters must be changed, added, removed or swapped with the next to get from one to the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, older[j - 2] + 1)
            row.append(least)
    return row[-1]
