"""What holds for every file of the project."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.messaging.messages import MESSAGES, Queue
from worker_service.main import RECEIVERS

ROOT = Path(__file__).parents[1]
CODE = ("api_service", "worker_service", "shared", "migrations", "deploy")
LONGEST_FILE = 250
LONGEST_FUNCTION = 40
# The merge is one story, told in SQL from top to bottom.
LONGER = {"migrations/versions/0002_merge_generation_tables.py"}

# In two halves, so that this file does not hold what it looks for.
REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js", "deb.debian" + ".org", "ghcr" + ".io")
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(?:wor" + r"k|far" + r"m|roo" + r"t|home/\w+)/\w")


def tracked() -> list[Path]:
    """The files git tracks; without git, those that it would not ignore."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        ignored = {".git", *(line.strip("/\n") for line in (ROOT / ".gitignore").open())}
        return [
            path
            for path in ROOT.rglob("*")
            if path.is_file() and ignored.isdisjoint(path.relative_to(ROOT).parts) and path.suffix != ".pyc"
        ]
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def code() -> list[Path]:
    return [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text("utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_tracked_file_holds_the_address_of_a_package_registry() -> None:
    assert not [(name, registry) for name, text in texts() for registry in REGISTRIES if registry in text]


def test_no_tracked_file_holds_a_path_of_somebodys_machine() -> None:
    assert not [(name, found[0]) for name, text in texts() if (found := MACHINE_PATHS.search(text))]


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        text = lock.read_text()
        assert "://" not in text
        assert "--find-links" not in text
        assert text.count("==") <= text.count("--hash=sha256:")


@pytest.mark.parametrize("path", code(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_a_sentence_and_fits_in_the_head(path: Path) -> None:
    text = path.read_text()
    if not text:
        return
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "it opens with what it is"
    if str(path.relative_to(ROOT)) not in LONGER:
        assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def loaded_by(module: str) -> set[str]:
    """The top-level packages that importing a module loads, in a fresh Python."""
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_api_loads_nothing_of_the_worker() -> None:
    assert loaded_by("api_service.main").isdisjoint(
        {"worker_service", "httpx", "websockets", "PIL", "av", "apscheduler", "alembic", "deploy"}
    )


def test_the_worker_loads_nothing_of_the_api() -> None:
    assert loaded_by("worker_service.main").isdisjoint({"api_service", "starlette", "uvicorn", "alembic", "deploy"})


def test_each_message_has_exactly_one_receiver_on_a_queue_that_exists() -> None:
    assert sorted(receiver.message_class.actor_name for receiver in RECEIVERS) == sorted(
        message.actor_name for message in MESSAGES
    )
    assert len({message.actor_name for message in MESSAGES}) == len(MESSAGES)
    assert {message.queue for message in MESSAGES} <= set(Queue)
