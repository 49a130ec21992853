"""The pages name only what is there: files, links, settings and make targets; and they are easy to read."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.configuration.settings import Settings
from tests.docs.generated import MARK
from tests.docs.pages import LANGUAGES, PAGES, ROOT, Block, blocks, named, prose

WIDEST = 120
WIDEST_ROW = 140  # of a table, which has no other way to wrap
LONGEST_README = 120
LONGEST_DECISION = 80
MOST_WORDS = 25
LINK = re.compile(r"\[[^]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
MAKE = re.compile(r"\bmake ((?:[A-Z]+=\S+ )*)(?P<target>[a-z][a-z-]*)")
# `COMFYUI_URLS` with or without a value; what is not one of our variables is known by its first word.
VARIABLE = re.compile(r"\b(?P<name>(?:API|APP|BROKER|COMFYUI|DATABASE|LIMIT|LOG|REDIS|STORAGE|WORKER)_[A-Z_]+)\b")
OTHER_VARIABLES = {"COMFY_URLS", "COMFYUI_URL", "LIMIT_", "APP_ENV"}  # given to the restart command; a prefix
FOLDERS = ("api_service", "worker_service", "shared", "migrations", "deploy", "tests", "docs", "requirements")
# What only its author would say; a newcomer stumbles over it.
DIALECT = re.compile(
    r"\b(none of ours|good for nothing|be it|so many|so long|stands? (?:in|for|at)|deeds?|told|whoever|anew)\b",
    re.IGNORECASE,
)
NOTES = {"printed", "stays"}
PATH = re.compile(rf"^(?:{'|'.join(FOLDERS)})/[\w./-]*$")


def test_every_rule_holds_on_every_page() -> None:
    """One test, as hundreds of tests of a line each take longer to be handed out than to be run."""
    assert len(PAGES) > 80
    broken = [f"{named(page)}: {problem}" for page in PAGES for rule in RULES for problem in rule(page)]
    assert not broken, "\n".join(broken)


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links_that_lead_nowhere(page: Path) -> Iterator[str]:
    for found in LINK.finditer(prose(page)):
        address, _, anchor = found["target"].partition("#")
        if "://" in address:
            continue
        target = (page.parent / address).resolve() if address else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            yield f"the link {found['target']} leads nowhere"


def paths_that_are_not_there(page: Path) -> Iterator[str]:
    if page.name == "CHANGELOG.md":
        return  # it tells of the past
    for code in CODE.findall(prose(page)):
        if PATH.match(code) and not (ROOT / code).exists():
            yield f"the path {code} is not there"


def unknown_settings(page: Path) -> Iterator[str]:
    known = {field.upper() for field in Settings.model_fields} | OTHER_VARIABLES
    suffixes = ("", "_DEV", "_DEMO", "_TEST", "_PROD")
    accepted = {name + suffix for name in known for suffix in suffixes}
    for name in sorted({found["name"] for found in VARIABLE.finditer(page.read_text())} - accepted):
        yield f"there is no setting {name}"


def unknown_targets(page: Path) -> Iterator[str]:
    commands = [*CODE.findall(prose(page)), *(block.text for block in blocks(page) if block.language == "sh")]
    for name in sorted({found["target"] for command in commands for found in MAKE.finditer(command)}):
        if not is_target(name):
            yield f"there is no `make {name}`"


def is_target(name: str) -> bool:
    makefile = (ROOT / "Makefile").read_text()
    pattern = re.sub(r"-(dev|demo|test|prod)$", "-%", name)
    return re.search(rf"^(?:{re.escape(name)}|{re.escape(pattern)}):", makefile, re.MULTILINE) is not None


def lines_wider_than_a_window(page: Path) -> Iterator[str]:
    """But for rows of tables, and for JSON, of which a line may be a document."""
    lines = [
        *prose(page).splitlines(),
        *(line for one in blocks(page) if one.language != "json" for line in one.text.splitlines()),
    ]
    for line in lines:
        if len(line) > (WIDEST_ROW if line.startswith("|") else WIDEST):
            yield f"this line is wider than a window: {line}"


def dialect(page: Path) -> Iterator[str]:
    written, _, _generated = prose(page).partition(MARK)
    for found in DIALECT.finditer(written):
        yield f"this English is not plain: {found[0]}"


def blocks_that_do_not_say_what_they_are(page: Path) -> Iterator[str]:
    for block in blocks(page):
        if block.language not in LANGUAGES:
            yield f"{block} has the unknown language {block.language}"
        if block.note and not block.skipped and block.note not in NOTES:
            yield f"{block} does not say why it is not run"


def blocks_that_are_only_indented(page: Path) -> Iterator[str]:
    """No test would see them."""
    before = ""
    for line in prose(page).splitlines():
        if line.startswith("    ") and not before.strip():
            yield f"this block is only indented: {line}"
        before = line


RULES: tuple[Callable[[Path], Iterator[str]], ...] = (
    links_that_lead_nowhere,
    paths_that_are_not_there,
    unknown_settings,
    unknown_targets,
    lines_wider_than_a_window,
    dialect,
    blocks_that_do_not_say_what_they_are,
    blocks_that_are_only_indented,
)
WRONG_PAGE = f"""# A
See [there](nowhere.md), [here](#b) and `docs/nothing.md`.
`make nothing` wants COMFYUI_NOTHING={"x" * WIDEST}, whoever asks.

    indented

```cobol
```
```sh because
ls
```
"""


def test_each_rule_is_broken_by_a_wrong_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(WRONG_PAGE)
    assert [rule.__name__ for rule in RULES if not list(rule(page))] == []
    assert len(list(links_that_lead_nowhere(page))) == len(list(blocks_that_do_not_say_what_they_are(page))) == 2


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_the_glossary_is_short_and_sorted() -> None:
    words = re.findall(r"^\*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert 10 < len(words) <= MOST_WORDS


def decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_each_decision_is_on_one_page_with_its_status_and_in_the_index() -> None:
    found = decisions()
    assert len(found) > 70
    index = (found[0].parent / "README.md").read_text()
    for decision in found:
        title, blank, status, *_ = lines = decision.read_text().splitlines()
        number, name = decision.name[:4], title.partition(": ")[2]
        assert title == f"# {number}: {name}"
        assert blank == "", decision
        assert re.fullmatch(r"Status: (accepted|superseded by \[\d{4}\]\(\S+\))(\. .+)?", status), (decision, status)
        assert f"| [{number}]({decision.name}) | {name} |" in index, decision
        assert len(lines) <= LONGEST_DECISION, decision


def test_the_numbers_that_are_missing_are_explained() -> None:
    numbers = [int(decision.name[:4]) for decision in decisions()]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    missing = set(range(1, max(numbers))) - set(numbers)
    assert not [number for number in missing if f"{number:04}" not in index]


def test_blocks_are_read_with_their_line_language_and_note(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```sh skip: it never ends\nmake up\n```\n\n- b\n  ```json\n  {}\n  ```\n")
    first, second = blocks(page)
    assert first == Block(page, 4, "sh", "skip: it never ends", "make up")
    assert (first.skipped, second.text, second.line, second.skipped) == ("it never ends", "{}", 9, "")
    assert "make" not in prose(page)
