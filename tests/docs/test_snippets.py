"""Every command and snippet of the documentation does what it says, in a shell without the virtual environment.

The `sh` blocks of a page run one after another in one shell, as somebody types them who reads it from the top. All
pages share one system, which `make up` has started. `make` targets that end are run; what cannot be run says why.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from sqlalchemy import Engine, text

from tests.docs.pages import PAGES, Block, blocks, blocks_of, named
from tests.docs.running import Reader, has, path_without_environments, reader

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]

FIRST = "README.md"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reader(tmp_path_factory.mktemp("repository")) as started:
        yield started


def every(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks_of(language), ids=str)


def run_or_skip(block: Block) -> None:
    if block.skipped:
        pytest.skip(block.skipped)


def pages_with(language: str) -> list[ParameterSet]:
    """Those with blocks of a language, but for one that has a test of its own. The first of them waits for nothing."""
    pages = [page for page in PAGES if page.name != "by-hand.md" and runnable(page, language)]
    return [pytest.param(page, marks=() if page.name == FIRST else pytest.mark.landing) for page in pages]


def runnable(page: Path, language: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == language and not block.skipped]


@pytest.mark.landing
@pytest.mark.skipif(not has("curl"), reason="there is no curl")
@pytest.mark.parametrize("page", pages_with("sh"), ids=named)
def test_the_commands_of_a_page_work_one_after_another(system: Reader, page: Path) -> None:
    script = "\n".join(f": '{block}'\n{block.text}" for block in runnable(page, "sh"))
    # A reader of the first page has pasted nothing yet of what `make up` prints.
    pasted = {} if page.name == FIRST else system.exported
    done = system.run(["sh", "-eux"], script, **pasted)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for block in blocks(page):
        if block.note == "printed":
            assert_printed(block, f"{system.printed}\n{done.stdout}")


def assert_printed(block: Block, output: str) -> None:
    """The lines of a block are in the output, one after another; numbers and keys may be others, and `...` anything."""
    rest = masked(output)
    for line in filter(None, map(masked, block.text.splitlines())):
        pattern = ".*?".join(map(re.escape, line.split("...")))
        found = re.search(pattern, rest)
        assert found, f"{block}: {line!r} is not in\n{rest}"
        rest = rest[found.end() :]


def masked(printed: str) -> str:
    """The same with one sign for each number, key or digest, and folder."""
    without_keys = re.sub(r"gn_\w+|\b[0-9a-f]{12,}\b", "KEY", printed)
    without_folders = re.sub(r"/\S+/(var|build)/", r"\1/", without_keys)
    return "\n".join(" ".join(line.split()) for line in re.sub(r"\d+([.,]\d+)*", "N", without_folders).splitlines())


@every("sh")
def test_a_block_of_commands_is_in_the_language_of_sh(block: Block) -> None:
    checked = subprocess.run(["sh", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    run_or_skip(block)  # so that a run of the tests lists what is not run, and why


@pytest.mark.landing
@every("python")
def test_a_python_program_runs_with_the_standard_library(system: Reader, block: Block) -> None:
    run_or_skip(block)
    without_environment = str(Path(sys.base_prefix) / "bin" / "python3")
    done = system.run([without_environment, "-I", "-"], block.text, KEY=system.key)
    assert done.returncode == 0, done.stderr


@pytest.mark.landing
@pytest.mark.skipif(not has("node"), reason="there is no node")
@every("js")
def test_a_javascript_program_runs(system: Reader, block: Block) -> None:
    run_or_skip(block)
    done = system.run(["node", "--input-type=module", "-"], block.text, KEY=system.key)
    assert done.returncode == 0, done.stderr


@every("json")
def test_json_is_json(block: Block) -> None:
    """One document, or one in each line."""
    try:
        json.loads(block.text)
    except ValueError:
        for line in block.text.splitlines():
            json.loads(line)


@every("sql")
def test_a_statement_is_one_for_our_tables(engine: Engine, block: Block) -> None:
    run_or_skip(block)
    with engine.connect() as connection:  # rolled back in the end
        connection.execute(text(block.text))


def test_the_shell_of_these_tests_has_no_virtual_environment() -> None:
    assert not [folder for folder in path_without_environments().split(":") if (Path(folder) / "dramatiq").exists()]
