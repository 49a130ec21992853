"""The pages name only what is there: files, links, settings and make targets; and they are easy to read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture(params=PAGES, ids=named)
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_link_leads_somewhere(page: Path) -> None:
    for found in LINK.finditer(prose(page)):
        address, _, anchor = found["target"].partition("#")
        if "://" in address:
            continue
        target = (page.parent / address).resolve() if address else page
        assert target.exists(), found["target"]
        assert not anchor or anchor in headings(target), found["target"]


def test_every_path_is_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it tells of the past
    named_paths = [code for code in CODE.findall(prose(page)) if PATH.match(code)]
    assert not [path for path in named_paths if not (ROOT / path).exists()]


def test_every_setting_and_make_target_is_there(page: Path) -> None:
    text = page.read_text()
    known = {field.upper() for field in Settings.model_fields} | OTHER_VARIABLES
    suffixes = ("", "_DEV", "_DEMO", "_TEST", "_PROD")
    accepted = {name + suffix for name in known for suffix in suffixes}
    assert not {found["name"] for found in VARIABLE.finditer(text)} - accepted
    commands = [*CODE.findall(prose(page)), *(block.text for block in blocks(page) if block.language == "sh")]
    asked = {found["target"] for command in commands for found in MAKE.finditer(command)}
    assert not {target for target in asked if not is_target(target)}


def is_target(name: str) -> bool:
    makefile = (ROOT / "Makefile").read_text()
    pattern = re.sub(r"-(dev|demo|test|prod)$", "-%", name)
    return re.search(rf"^(?:{re.escape(name)}|{re.escape(pattern)}):", makefile, re.MULTILINE) is not None


def test_no_line_is_wider_than_a_window(page: Path) -> None:
    """But for rows of tables, and for JSON, of which a line may be a document."""
    lines = [
        *prose(page).splitlines(),
        *(line for one in blocks(page) if one.language != "json" for line in one.text.splitlines()),
    ]
    assert not [line for line in lines if len(line) > (WIDEST_ROW if line.startswith("|") else WIDEST)]


def test_the_english_is_plain(page: Path) -> None:
    written, _, _generated = prose(page).partition(MARK)
    assert not {found[0] for found in DIALECT.finditer(written)}


def test_each_block_says_its_language_and_why_it_is_not_run(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, str(block)
        assert not block.note or block.skipped or block.note in NOTES, str(block)


def indented(page: Path) -> Iterator[str]:
    """Blocks that are only indented, which no test would see."""
    before = ""
    for line in prose(page).splitlines():
        if line.startswith("    ") and not before.strip():
            yield line
        before = line


def test_no_block_hides_behind_an_indent(page: Path) -> None:
    assert not list(indented(page))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_the_glossary_is_short_and_sorted() -> None:
    words = re.findall(r"^\*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert 10 < len(words) <= MOST_WORDS


def decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("decision", decisions(), ids=lambda path: path.name)
def test_a_decision_is_on_one_page_with_its_status_and_in_the_index(decision: Path) -> None:
    title, blank, status, *_ = lines = decision.read_text().splitlines()
    index = (decision.parent / "README.md").read_text()
    number = decision.name[:4]
    assert title == f"# {number}: {title.partition(': ')[2]}"
    assert blank == ""
    assert re.fullmatch(r"Status: (accepted|superseded by \[\d{4}\]\(\S+\))(\. .+)?", status), status
    assert f"| [{number}]({decision.name}) | {title.partition(': ')[2]} |" in index
    assert len(lines) <= LONGEST_DECISION


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
