"""The pages of the documentation, and the fenced blocks in them.

What stands behind the language of a block says what the tests do with it:

    sh                  run in a shell, after the blocks above it on the page
    sh skip: a reason   not run; the reason is shown
    sh stays            run until the end of the page, as in a terminal of its own
    text printed        must be in the output of what was run
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>\w*) *(?P<note>.*)$")
LANGUAGES = {"sh", "python", "sql", "json", "js", "text", "mermaid"}


class Block(NamedTuple):
    """A fenced block: the page it is on, the number of its first line there, and what stands beside its fence."""

    page: Path
    line: int
    language: str
    note: str
    text: str

    @property
    def skipped(self) -> str:
        """Why it is not run. Empty for a block that is."""
        return self.note.removeprefix("skip:").strip() if self.note.startswith("skip:") else ""

    def __str__(self) -> str:
        return f"{named(self.page)}:{self.line}"


def named(page: Path) -> str:
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    return tuple(found_in(page))


def found_in(page: Path) -> Iterator[Block]:
    lines = page.read_text().splitlines()
    opened: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(lines, 1):
        found = FENCE.match(line)
        if opened is None:
            opened = (number, found) if found else None
        elif found and found["fence"] == opened[1]["fence"] and not found["language"]:
            start, fence = opened
            text = "\n".join(one.removeprefix(fence["indent"]) for one in lines[start : number - 1])
            yield Block(page, start + 1, fence["language"], fence["note"], text)
            opened = None
    assert opened is None, f"{page}: a block does not end"


def blocks_of(language: str) -> list[Block]:
    return [block for page in PAGES if page.is_file() for block in blocks(page) if block.language == language]


@cache
def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    lines = page.read_text().splitlines()
    for block in blocks(page):
        length = len(block.text.splitlines())
        for number in range(block.line - 2, block.line + length):
            lines[number] = ""
    return "\n".join(lines)
