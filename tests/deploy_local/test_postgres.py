"""A real PostgreSQL is started, answers, keeps what it should and lets nobody in who should not."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import psutil
import psycopg2
import pytest

from deploy.local.cluster import (
    LASTING,
    LODGING,
    THROWAWAY,
    DirectoryInUse,
    PasswordLost,
    ProgramUnreachable,
    mark,
    remove_abandoned,
)
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres, connected
from deploy.local.process import ProcessFailed
from deploy.local.programs import POSTGRES, Places, ProgramMissing, find, installed_package
from tests.deploy_local.watching import PATIENCE_S, gone, until

pytestmark = pytest.mark.system

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")


def ask(url: str, statement: str) -> str:
    """The first value that a statement answers, as text."""
    with connected(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""


def command_line(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or [])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_it_answers(postgres: Postgres) -> None:
    assert int(ask(postgres.url(), "SHOW server_version_num")) >= 150000
    assert ask(postgres.url(), "SHOW server_encoding") == "UTF8"
    assert ask(postgres.url(), "SHOW max_connections") == "200"
    assert ask(postgres.url(), "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C"


def test_its_url_is_sqlalchemys(postgres: Postgres) -> None:
    assert postgres.url("a b") == (
        f"postgresql+psycopg2://genonaut:{postgres.cluster.password}@127.0.0.1:{postgres.port}/a%20b"
    )


def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    wrong = postgres.url().replace(postgres.cluster.password, "wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(wrong, "SELECT 1")


def test_it_listens_on_the_loopback_and_on_no_socket_file(postgres: Postgres) -> None:
    assert ask(postgres.url(), "SHOW listen_addresses") == "127.0.0.1"
    assert ask(postgres.url(), "SHOW unix_socket_directories") == ""
    lines = (postgres.cluster.data / "postmaster.pid").read_text().splitlines()
    assert lines[4].strip() == ""


def test_only_the_owner_reads_the_password(postgres: Postgres) -> None:
    file = postgres.cluster.home / "password"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_uid == os.geteuid()
    assert not (postgres.cluster.home / "initdb.password").exists()
    arguments = [argument for process in psutil.process_iter(["cmdline"]) for argument in process.info["cmdline"] or ()]
    assert arguments
    assert not [argument for argument in arguments if postgres.cluster.password in argument]


def test_a_database_is_made_from_a_template(postgres: Postgres) -> None:
    assert postgres.create_database("pattern")
    ask(postgres.url("pattern"), "CREATE TABLE kept AS SELECT 'rows' AS what")
    assert postgres.create_database("copy", template="pattern")
    assert ask(postgres.url("copy"), "SELECT what FROM kept") == "rows"
    assert not postgres.create_database("copy")
    postgres.drop_database("copy")
    postgres.drop_database("copy")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        ask(postgres.url("copy"), "SELECT 1")


def test_its_data_survive_a_restart_and_a_crash(folder: Path) -> None:
    directory, log = folder / "server", folder / "log"
    with Postgres.start(directory, log) as first:
        assert ask(first.url(), "SHOW fsync") == "on"
        ask(first.url(), "CREATE TABLE kept AS SELECT 'rows' AS what")
    assert gone(first.process.pid)
    with Postgres.start(directory, log) as second:
        assert second.cluster.password == first.cluster.password
        assert ask(second.url(), "SELECT what FROM kept") == "rows"
        ask(second.url(), "UPDATE kept SET what = 'newer'")
        second.process.kill()
    with Postgres.start(directory, log) as third:
        assert ask(third.url(), "SELECT what FROM kept") == "newer"
    (third.cluster.home / "password").unlink()
    with pytest.raises(PasswordLost, match="remove it to begin anew"):
        Postgres.start(directory, log)


def test_a_throwaway_syncs_nothing_and_goes(folder: Path) -> None:
    with Postgres.start(folder / "server", folder / "log", durable=False) as server:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(server.url(), f"SHOW {name}") == "off"
    assert not server.cluster.data.exists()
    assert [file.name for file in (folder / "server").iterdir()] == ["lock"]


def test_a_directory_serves_one_run(postgres: Postgres, postgres_folder: Path, folder: Path) -> None:
    with pytest.raises(DirectoryInUse, match="in use by another run"):
        Postgres.start(postgres_folder / "server", folder / "log")


def test_a_taken_port_is_given_up_for_another(folder: Path, taken_port: int) -> None:
    ports = chain(repeat(taken_port, 2), free_ports())
    with Postgres.start(folder / "server", folder / "log", durable=False, ports=ports) as server:
        assert server.port != taken_port
        assert ask(server.url(), "SHOW port") == str(server.port)
    assert "Address already in use" in (folder / "log").read_text()


def test_an_initdb_that_fails_shows_what_it_said_and_leaves_nothing_in_the_way(folder: Path) -> None:
    programs = folder / "wheel" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        script = (
            f"#!/bin/sh\n[ $1 = --version ] && echo '{name} (PostgreSQL) 17.1' && exit\necho no space left\nexit 1\n"
        )
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    places = Places(path=(), package=lambda name: folder / "wheel")
    with pytest.raises(ProcessFailed, match=r"initdb ended with code 1.*\nno space left"):
        Postgres.start(folder / "server", folder / "log", places=places)
    with Postgres.start(folder / "server", folder / "log", durable=False) as server:
        assert ask(server.url(), "SELECT 1") == "1"


@pytest.mark.landing
def test_a_systems_postgres_serves_as_well(folder: Path) -> None:
    places = Places(path=(), package=lambda name: None)
    try:
        found = find(POSTGRES, places)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    with Postgres.start(folder / "server", folder / "log", durable=False, places=places) as server:
        assert ask(server.url(), "SHOW server_version_num").startswith(str(found.version))
        assert server.create_database("another", template="template0")


@as_root
def test_root_runs_it_as_somebody_else(postgres: Postgres) -> None:
    account = postgres.cluster.account
    assert account
    assert account.uid != 0
    assert psutil.Process(postgres.process.pid).uids().effective == account.uid
    assert postgres.cluster.data.stat().st_uid == account.uid


@pytest.mark.landing
@as_root
def test_root_copies_a_program_that_the_account_cannot_reach(folder: Path) -> None:
    package = installed_package(POSTGRES.package)
    if not package:
        pytest.skip(f"{POSTGRES.package} is not installed")
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for tree in find(POSTGRES, Places(path=())).trees:
        shutil.copytree(tree, closed / tree.name)
    places = Places(path=(), package=lambda name: closed / name)
    with Postgres.start(folder / "server", folder / "log", durable=False, places=places) as server:
        assert server.cluster.postgres.is_relative_to(server.cluster.home / "program")
        assert ask(server.url(), "SELECT 1") == "1"
    assert not server.cluster.postgres.exists()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert closed.stat().st_uid == 0


@pytest.mark.landing
@as_root
def test_data_in_a_folder_that_only_root_may_enter_live_elsewhere(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with Postgres.start(closed, folder / "log", durable=False) as server:
        assert (closed / "elsewhere").resolve() == server.cluster.home
    assert not server.cluster.home.exists()
    assert not (closed / "elsewhere").is_symlink()
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_program_that_cannot_be_run_nor_copied_is_an_error_of_one_line(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in ("postgres", "initdb"):
        (closed / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 17.1'\n")
        (closed / name).chmod(0o755)
    with pytest.raises(ProgramUnreachable, match=r"cannot be run by .*: let everybody enter its folders"):
        Postgres.start(folder / "server", folder / "log", places=Places(path=(closed,), package=lambda name: None))


@pytest.mark.landing
@as_root
def test_data_kept_for_a_temporary_folder_are_removed_once_that_is_gone(folder: Path) -> None:
    folder.chmod(0o700)
    kept, left = folder / "kept", folder / "left"
    homes = []
    for directory in (kept, left):
        with Postgres.start(directory, folder / "log") as server:
            homes.append(server.cluster.home)
    shutil.rmtree(left)
    with Postgres.start(folder / "server", folder / "log", durable=False):
        assert [home.exists() for home in homes] == [True, False]
    with Postgres.start(kept, folder / "log") as server:
        assert server.cluster.home == homes[0]
        assert not server.cluster.made


KILLED_WHILE_SERVING = """
import os, signal, sys
from pathlib import Path
from deploy.local.postgres import Postgres, connected
server = Postgres.start(Path(sys.argv[1]), Path(sys.argv[2]), durable=False)
print(server.process.pid, server.cluster.home, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.landing
@as_root
def test_a_throwaway_of_a_killed_run_is_removed_by_the_next(
    launch: Callable[..., "subprocess.Popen[str]"], folder: Path
) -> None:
    folder.chmod(0o700)
    launcher = launch(KILLED_WHILE_SERVING, str(folder / "killed"), str(folder / "killed.log"))
    assert launcher.stdout
    pid, home = launcher.stdout.readline().split()
    launcher.wait(PATIENCE_S)
    until(lambda: gone(int(pid)))
    with Postgres.start(folder / "server", folder / "log", durable=False) as server:
        assert not Path(home).exists()
        assert server.cluster.data.is_dir()
    assert not server.cluster.home.exists()


def test_what_another_run_is_just_beginning_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has made its folder, and the file that names its owner is there without a word."""
    monkeypatch.chdir(folder)
    begun = Path(tempfile.mkdtemp(prefix=LODGING, dir=LASTING))
    (begun / THROWAWAY).touch()
    try:
        remove_abandoned()
        assert (begun / THROWAWAY).exists()
        assert list(folder.iterdir()) == []
        mark(begun, THROWAWAY, folder / "gone")
        remove_abandoned()
        assert not begun.exists()
    finally:
        shutil.rmtree(begun, ignore_errors=True)
