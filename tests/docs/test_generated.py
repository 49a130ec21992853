"""What the documentation says of states, calls, errors and settings is what the code does."""

import re

from shared.configuration.settings import Settings
from shared.jobs.transitions import TRANSITIONS
from shared.models import JobStatus
from tests.docs import generated
from tests.docs.pages import ROOT, blocks

LIFE = ROOT / "docs" / "life-of-a-job.md"
ARROW = re.compile(r"^ *(?P<source>[\w\[\]*]+) --> (?P<target>[\w\[\]*]+)(?:: (?P<name>.*))?$")
BEGIN_OR_END = "[*]"
SERVICES = ("api_service", "worker_service", "shared")


def arrows() -> set[tuple[str, str, str]]:
    (picture,) = (block for block in blocks(LIFE) if block.language == "mermaid")
    first, *lines = picture.text.splitlines()
    assert first == "stateDiagram-v2"
    found = [ARROW.match(line) for line in lines]
    assert all(found), lines
    return {(one["source"], one["target"], one["name"] or "") for one in found if one}


def test_the_picture_of_the_states_is_the_table_of_transitions() -> None:
    in_code = {(str(source), str(step.target), name) for name, step in TRANSITIONS.items() for source in step.sources}
    assert {arrow for arrow in arrows() if BEGIN_OR_END not in arrow[:2]} == in_code


def test_the_picture_of_the_states_shows_where_a_job_begins_and_ends() -> None:
    ends = {source for source, target, _ in arrows() if target == BEGIN_OR_END}
    begins = {target for source, target, _ in arrows() if source == BEGIN_OR_END}
    assert ends == {str(status) for status in JobStatus if status.is_final}
    assert begins == {"queued", "pending"}


def test_each_status_and_transition_is_explained() -> None:
    text = LIFE.read_text()
    assert not [status for status in JobStatus if f"| `{status}` |" not in text]
    rows = "\n".join(re.findall(r"^\| `.*$", text, re.MULTILINE))
    assert not [name for name in TRANSITIONS if f"`{name}`" not in rows]


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert generated.SETTINGS.read_text() == generated.settings_page(), "run `make docs`"


def test_the_page_of_settings_has_every_variable() -> None:
    page = generated.SETTINGS.read_text()
    assert not [field for field in Settings.model_fields if f"## `{field.upper()}`\n" not in page]


def test_the_table_of_errors_is_what_the_code_says() -> None:
    assert generated.API.read_text() == generated.api_page(), "run `make docs`"


def test_the_page_of_the_api_has_every_call_with_its_scope() -> None:
    rows = set(re.findall(r"^\| `([A-Z]+ /\S+)` \|.*\| (.+) \|$", generated.API.read_text(), re.MULTILINE))
    needs = {call: operation["description"] for call, operation in generated.operations().items()}
    assert {call for call, _ in rows} == needs.keys()
    assert not [
        call for call, scope in rows if f"{scope.capitalize()} will do." not in needs[call] and scope not in needs[call]
    ]


def test_the_map_of_the_code_has_every_folder() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = {path.parent for service in SERVICES for path in (ROOT / service).glob("*/*.py") if path.read_text()}
    assert not [folder for folder in folders if f"| `{folder.relative_to(ROOT)}/` |" not in page]


def test_each_log_event_that_operators_are_told_of_is_written() -> None:
    pages = [ROOT / "docs" / "operations.md", *(ROOT / "docs" / "operations").glob("*.md")]
    words = [word for page in pages for word in re.findall(r"`([a-z]+\.[a-z_]+)`", page.read_text())]
    code = "".join(path.read_text() for folder in SERVICES for path in (ROOT / folder).rglob("*.py"))
    assert words
    assert not [word for word in words if f'"{word}"' not in code]
