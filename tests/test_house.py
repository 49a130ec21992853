"""What holds for every file of the project."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from shared.messaging.messages import MESSAGES, Queue
from worker_service.main import RECEIVERS

pytestmark = pytest.mark.broad  # all of the code is parsed

ROOT = Path(__file__).parents[1]
CODE = ("api_service", "worker_service", "shared", "migrations", "deploy")
LONGEST_FILE = 250
LONGEST_FUNCTION = 40
MOST_FILES = 15  # of one folder
# A database may be at any revision of the past, so migrations are only ever added, and their numbers sort them.
# Lists of steps, and of tables: one file each.
FULLER = {"migrations/versions"}
MOST_PARAMETERS = 5
SERVICES = ("api_service", "worker_service", "shared")
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


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All of a file: walking there takes longer than looking at them."""
    return tuple(ast.walk(parsed(path)))


@cache
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


def test_a_module_opens_with_a_sentence_and_fits_in_the_head() -> None:
    wrong = {str(path.relative_to(ROOT)): found for path in code() if (found := list(unlike_ours(path)))}
    assert not wrong


def unlike_ours(path: Path) -> Iterator[str]:
    """What is wrong with the form of a file."""
    text = path.read_text()
    if not text:
        return
    if not ast.get_docstring(parsed(path)):
        yield "it does not open with what it is"
    if str(path.relative_to(ROOT)) not in LONGER and (lines := len(text.splitlines())) > LONGEST_FILE:
        yield f"it has {lines} lines"
    for node in functions(path):
        if (lines := (node.end_lineno or 0) - node.lineno) >= LONGEST_FUNCTION:
            yield f"{node.name} has {lines} lines"


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_a_function_takes_five_parameters_at_most() -> None:
    too_many = [
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in code()
        for function in functions(path)
        if len({argument.arg for argument in parameters(function)} - {"self", "cls"}) > MOST_PARAMETERS
    ]
    assert not too_many


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def calls_in(folders: Sequence[str]) -> Iterator[tuple[str, ast.Call, str]]:
    """Each call of a function or method in these folders: its file, itself, and the name called."""
    for path in code():
        name = str(path.relative_to(ROOT))
        if name.startswith(tuple(folders)):
            for node in nodes(path):
                match node:
                    case ast.Call(func=ast.Attribute(attr=called)) | ast.Call(func=ast.Name(id=called)):
                        yield name, node, called


# The only ones that ask this machine what time it is.
OWN_CLOCK = {
    "shared/database/clock.py": "compares it with the database's",
    "api_service/http/server/metrics.py": "shows how far behind the database's an event comes",
}
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "fromtimestamp", "localtime", "gmtime", "ctime"}


def own_clocks(found: Iterable[ast.AST]) -> Iterator[str]:
    """Each call that asks this machine's clock for the time of day, however it was imported."""
    for node in found:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date" | "time"), attr=called)):
                if called in CLOCKS:
                    yield called
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="datetime" | "date"), attr=called)):
                if called in CLOCKS:
                    yield called
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr="now" | "utcnow" | "today"):
                yield node.attr  # handed on, to be called elsewhere
            case ast.ImportFrom(module="time", names=names):
                yield from (alias.name for alias in names if alias.name in CLOCKS)
            case _:
                pass


def test_what_time_it_is_the_database_says() -> None:
    asked = {
        str(path.relative_to(ROOT)): sorted(set(found))
        for path in code()
        if str(path.relative_to(ROOT)).startswith(SERVICES) and (found := list(own_clocks(nodes(path))))
    }
    assert asked.keys() == OWN_CLOCK.keys(), asked


@pytest.mark.parametrize(
    "text",
    [
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "Field(default_factory=lambda: datetime.now(UTC))",
        "Field(default_factory=datetime.utcnow)",
        "time.time()",
        "from time import time",
        "date.today()",
        "datetime.fromtimestamp(0)",
    ],
)
def test_each_way_to_ask_this_machine_for_the_time_is_found(text: str) -> None:
    assert list(own_clocks(ast.walk(ast.parse(text))))


def test_doors_open_no_session() -> None:
    opened = {"transaction", "reading", "Session", "connect", "begin_nested"}
    assert not [(name, called) for name, _, called in calls_in(["api_service/doors"]) if called in opened]


def test_work_is_committed_in_one_place() -> None:
    commits = {name for name, _, called in calls_in(SERVICES) if called in {"commit", "begin_nested"}}
    assert not commits  # the block of `transaction` does it
    sessions = {name for name, _, called in calls_in(SERVICES) if called == "Session"}
    assert sessions == {"shared/database/engine.py"}


def test_a_status_is_set_in_one_place() -> None:
    assigned = [
        str(path.relative_to(ROOT))
        for path in code()
        if str(path.relative_to(ROOT)).startswith(SERVICES)
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store)
    ]
    assert not assigned
    updated = {
        name
        for name, call, called in calls_in(SERVICES)
        if called == "values" and "status" in {keyword.arg for keyword in call.keywords}
    }
    assert updated == {"shared/jobs/transitions.py"}


def test_a_folder_fits_on_one_look() -> None:
    files = Counter(path.parent for path in code() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)) for folder, count in files.items() if count > MOST_FILES} == FULLER


def imports_between_folders(package: str) -> dict[str, set[str]]:
    """For each folder of a package, the other folders of it that its modules import from."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.parent
        for path in code()
        if path.is_relative_to(ROOT / package) and path.name != "__init__.py"
    }
    found: dict[str, set[str]] = {str(folder): set() for folder in modules.values()}
    for module, folder in modules.items():
        for node in nodes(ROOT / f"{module.replace('.', '/')}.py"):
            if isinstance(node, ast.ImportFrom):
                names = {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
                found[str(folder)] |= {str(modules[name]) for name in names & modules.keys()} - {str(folder)}
    return found


@pytest.mark.parametrize("package", SERVICES)
def test_no_folders_import_each_other_in_a_circle(package: str) -> None:
    TopologicalSorter(imports_between_folders(package)).prepare()


def loaded_by(module: str) -> set[str]:
    """The top-level packages that importing a module loads, in a fresh Python."""
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.system
def test_the_api_loads_nothing_of_the_worker() -> None:
    assert loaded_by("api_service.main").isdisjoint(
        {"worker_service", "httpx", "websockets", "PIL", "av", "apscheduler", "alembic", "deploy"}
    )


@pytest.mark.system
def test_the_worker_loads_nothing_of_the_api_and_decodes_nothing_itself() -> None:
    of_the_api = {"api_service", "starlette", "uvicorn", "alembic", "deploy"}
    assert loaded_by("worker_service.main").isdisjoint({*of_the_api, "PIL", "av"})


@pytest.mark.system
def test_what_decodes_has_no_way_to_anything_of_ours() -> None:
    ours = {"api_service", "shared", "sqlalchemy", "sqlmodel", "psycopg2", "redis", "dramatiq", "httpx", "websockets"}
    assert loaded_by("worker_service.media.member").isdisjoint(ours)


def test_each_message_has_exactly_one_receiver_on_a_queue_that_exists() -> None:
    assert sorted(receiver.message_class.actor_name for receiver in RECEIVERS) == sorted(
        message.actor_name for message in MESSAGES
    )
    assert len({message.actor_name for message in MESSAGES}) == len(MESSAGES)
    assert {message.queue for message in MESSAGES} <= set(Queue)
