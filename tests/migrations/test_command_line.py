"""Migrating as people and containers do: by command, several at once, on databases of every kind."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, text

from deploy.local.servers import Servers
from migrations.upgrade import configuration, current, upgrade
from tests.lent_database import new_name
from tests.migrations.databases import LEGACY, execute, value
from tests.worker_service.waiting import until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
WITHIN_S = 100  # a second, where nothing else runs
LOCKS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
HEAD = "webhooks_that_rest"


def start(url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Python with these arguments, on this database whatever the environment or an .env file says."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "DATABASE_URL": url, "LOG_FORMAT": "console"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(url: str, folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and what was said."""
    process = start(url, folder, *arguments)
    said, _ = process.communicate(timeout=WITHIN_S)
    return process.returncode, said


def alembic(url: str, folder: Path, *arguments: str) -> tuple[int, str]:
    return run(url, folder, "alembic", "-c", str(ROOT / "alembic.ini"), *arguments)


def test_the_command_waits_for_a_database_that_does_not_answer_yet(servers: Servers, tmp_path: Path) -> None:
    url = servers.create_database(name := new_name())
    servers.drop_database(name)
    waiting = start(url, tmp_path, "migrations", "--wait", "60")
    assert waiting.stdout is not None
    assert "database.unavailable" in waiting.stdout.readline()
    servers.create_database(name)
    said, _ = waiting.communicate(timeout=WITHIN_S)
    servers.drop_database(name)
    assert waiting.returncode == 0
    assert f"The database went from base to {HEAD}" in said


def test_the_command_does_not_wait_unless_it_is_told_to(servers: Servers, tmp_path: Path) -> None:
    url = servers.create_database(name := new_name())
    servers.drop_database(name)
    for arguments in ([], ["--wait", "0.1"]):
        status, said = run(url, tmp_path, "migrations", *arguments)
        assert status == 1
        assert "Failed: " in said


def test_the_command_goes_up_says_so_and_has_nothing_to_do_the_second_time(legacy: str, tmp_path: Path) -> None:
    status, said = run(legacy, tmp_path, "migrations")
    assert status == 0
    assert "Merge: requests that became jobs: 49" in said
    assert f"The database went from {LEGACY} to {HEAD}" in said
    assert run(legacy, tmp_path, "migrations")[1].count("\n") == 1
    assert run(legacy, tmp_path, "migrations", "--current") == (0, f"{HEAD}\n")


@pytest.mark.landing
def test_the_command_goes_down_only_where_it_is_told_to(newest: str, tmp_path: Path) -> None:
    assert run(newest, tmp_path, "migrations", "--downgrade")[0] == 2
    assert current(newest) == HEAD
    before = ScriptDirectory(str(ROOT / "migrations")).get_revision(HEAD).down_revision
    assert run(newest, tmp_path, "migrations", "--downgrade", str(before))[0] == 0
    assert run(newest, tmp_path, "migrations", "--current") == (0, f"{before}\n")


@pytest.mark.landing
def test_the_command_goes_down_to_nothing(newest: str, tmp_path: Path) -> None:
    assert run(newest, tmp_path, "migrations", "--downgrade", "base")[0] == 0
    assert run(newest, tmp_path, "migrations", "--current") == (0, "base\n")


@pytest.mark.parametrize("database", ["postgresql://127.0.0.1:1/nowhere", "the database"])
def test_a_database_that_is_not_there_is_one_line_and_a_failure(database: str, tmp_path: Path) -> None:
    status, said = run(database, tmp_path, "migrations")
    assert status in {1, 2}
    assert "Traceback" not in said


def test_an_unknown_revision_is_one_line_and_a_failure(empty: str, tmp_path: Path) -> None:
    status, said = run(empty, tmp_path, "migrations", "nowhere")
    assert (status, said.count("\n")) == (1, 1)
    assert "Can't locate revision identified by 'nowhere'" in said


@pytest.mark.landing
def test_two_containers_that_start_at_once_migrate_one_after_the_other(legacy: str, tmp_path: Path) -> None:
    both = [start(legacy, tmp_path, "migrations") for _ in range(2)]
    said = [process.communicate(timeout=WITHIN_S)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(one.count("Running upgrade merge_generation_tables") for one in said) == 1
    assert current(legacy) == HEAD


def test_who_comes_second_waits_until_the_first_is_done(empty: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alembic.runtime.migration")
    lock = 0x67656E6F6E617574
    with create_engine(empty, poolclass=NullPool).connect() as first:
        first.execute(text(f"SELECT pg_advisory_lock({lock})"))
        second = threading.Thread(target=upgrade, args=(empty,))
        second.start()
        until(lambda: "Waiting for another process" in caplog.text)
        assert current(empty) is None
        first.execute(text(f"SELECT pg_advisory_unlock({lock})"))
        second.join(timeout=30)
    assert current(empty) == HEAD
    assert value(empty, LOCKS) == 0


def test_migrations_in_a_transaction_of_the_callers_are_undone_with_it(legacy: str) -> None:
    with create_engine(legacy, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT 1"))
        command.upgrade(configuration(connection), "head")
        connection.rollback()
    assert current(legacy) == LEGACY


def test_an_engine_may_be_handed_in_as_well(legacy: str) -> None:
    engine = create_engine(legacy, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["connection"] = engine
    command.upgrade(config, "head")
    assert current(legacy) == HEAD


@pytest.mark.landing
def test_alembic_s_own_command_finds_nothing_to_change(newest: str, tmp_path: Path) -> None:
    assert alembic(newest, tmp_path, "upgrade", "head")[0] == 0
    status, said = alembic(newest, tmp_path, "check")
    assert status == 0
    assert "No new upgrade operations detected" in said


def test_a_script_without_a_database_is_refused(empty: str, tmp_path: Path) -> None:
    status, said = alembic(empty, tmp_path, "upgrade", "head", "--sql")
    assert status != 0
    assert "The merge reads the rows it moves" in said


@pytest.mark.landing
def test_a_database_that_alembic_never_saw_is_stamped_and_merged(legacy: str, tmp_path: Path) -> None:
    execute(legacy, "DROP TABLE alembic_version")
    status, said = run(legacy, tmp_path, "migrations")
    assert status == 1
    assert f"alembic stamp {LEGACY}" in said
    assert alembic(legacy, tmp_path, "stamp", LEGACY)[0] == 0
    assert run(legacy, tmp_path, "migrations")[0] == 0
    assert value(legacy, "SELECT count(*) FROM generation_jobs") == 96
