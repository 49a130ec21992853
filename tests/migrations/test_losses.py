"""The way down says first what it would delete, and jobs have the ids they had once they are up again."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, text

from migrations.upgrade import configuration, current, downgrade, loss_of, upgrade
from tests.migrations.databases import ACCOUNTS, DISPATCH, LEGACY, MERGED, NAMED, execute, fetch, value
from tests.migrations.test_command_line import HEAD, alembic, run
from tests.migrations.test_way_back import USER, add_job, add_output

pytestmark = [pytest.mark.system, pytest.mark.landing]

COLUMNS = """
SELECT table_name, table_name || '.' || column_name AS name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'
"""


def filled(url: str) -> int:
    """Add a job that has an output, a key, and their user. Returns the job's id."""
    job = add_job(url, status="queued")
    add_output(url, job, 0)
    execute(
        url,
        "INSERT INTO api_keys (id, user_id, name, secret_hash, scopes) VALUES ('k', :user, 'k', 'x', '{}')",
        "UPDATE generation_jobs SET claims_left = 8, max_attempts = 5 WHERE id = :job",
        user=USER,
        job=job,
    )
    return job


def test_each_way_down_says_what_it_deletes(newest: str) -> None:
    filled(newest)
    assert list(map(str, loss_of(newest, NAMED))) == ["1 value of generation_jobs.claims_left"]
    assert {loss.what: loss.number for loss in loss_of(newest, DISPATCH)}.keys() >= {"users", "api_keys"}
    to_base = {loss.what: loss.number for loss in loss_of(newest, "base")}
    assert to_base == {"users": 1, "api_keys": 1, "job_outputs": 1, "generation_jobs": 1}
    assert {loss.what for loss in loss_of(newest, "-1")} <= {"generation_jobs.claims_left"}


def test_a_way_down_that_deletes_is_refused_until_it_is_agreed_to(newest: str, tmp_path: Path) -> None:
    filled(newest)
    status, said = run(newest, tmp_path, "migrations", "--downgrade", "base")
    assert (status, said.count("\n")) == (1, 1)
    assert "1 row of users" in said
    assert "--yes-delete" in said
    assert current(newest) == HEAD
    assert run(newest, tmp_path, "migrations", "--downgrade", "base", "--yes-delete")[0] == 0
    assert current(newest) is None


def test_so_is_alembic_s_own(newest: str, tmp_path: Path) -> None:
    filled(newest)
    status, said = alembic(newest, tmp_path, "downgrade", "base")
    assert status != 0
    assert "1 row of users" in said
    assert current(newest) == HEAD
    assert alembic(newest, tmp_path, "-x", "yes-delete", "downgrade", "base")[0] == 0
    assert current(newest) is None


def test_a_way_down_without_rows_asks_nothing(newest: str, tmp_path: Path) -> None:
    assert run(newest, tmp_path, "migrations", "--downgrade", LEGACY)[0] == 0
    assert alembic(newest, tmp_path, "downgrade", "base")[0] == 0


def test_each_revision_names_the_tables_it_drops_and_columns_that_it_has(newest: str) -> None:
    with create_engine(newest, poolclass=NullPool).connect() as connection:
        script = ScriptDirectory.from_config(configuration(connection))
    for revision in script.walk_revisions():
        before = fetch(newest, COLUMNS)
        downgrade(newest, str(revision.down_revision or "base"))
        after = fetch(newest, COLUMNS)
        dropped = {row["table_name"] for row in before} - {row["table_name"] for row in after}
        columns = {row["name"] for row in before} - {row["name"] for row in after}
        loses = set(revision.module.LOSES)
        assert dropped - {"comfyui_generation_requests"} <= loses, revision.revision
        assert {what for what in loses if "." in what} <= columns, revision.revision


@pytest.mark.parametrize("revision", [NAMED, ACCOUNTS, DISPATCH, MERGED, LEGACY])
def test_jobs_have_the_ids_they_had_once_they_are_up_again(merged: str, revision: str) -> None:
    typed = [add_job(merged, prompt=f"typed {number}", comfyui_prompt_id=f"t{number}") for number in range(3)]
    raw = add_job(merged, prompt="raw", checkpoint_model=None, comfyui_prompt_id="raw")
    execute(merged, "DELETE FROM generation_jobs WHERE id = :job", job=typed[1])
    before = fetch(merged, "SELECT id, prompt FROM generation_jobs ORDER BY id")
    downgrade(merged, revision)
    upgrade(merged)
    assert fetch(merged, "SELECT id, prompt FROM generation_jobs ORDER BY id") == before
    assert add_job(merged, comfyui_prompt_id="next") > raw
    assert value(merged, "SELECT to_regnamespace('genonaut_kept')") is None


def test_requests_that_the_former_system_made_meanwhile_get_ids_above_all(merged: str) -> None:
    latest = add_job(merged, comfyui_prompt_id="latest")
    downgrade(merged, LEGACY)
    columns = "user_id, prompt, checkpoint_model, width, height, batch_size, status, created_at, updated_at"
    with create_engine(merged, poolclass=NullPool).begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO comfyui_generation_requests ({columns}) SELECT user_id, 'meanwhile', checkpoint_model,"
                " width, height, batch_size, status, created_at, updated_at FROM comfyui_generation_requests LIMIT 1"
            )
        )
    upgrade(merged)
    assert value(merged, "SELECT id FROM generation_jobs WHERE prompt = 'meanwhile'") > latest
    assert value(merged, "SELECT count(*) FROM generation_jobs WHERE id = :id", id=latest) == 1


def test_down_to_nothing_leaves_nothing(merged: str) -> None:
    downgrade(merged, LEGACY)
    downgrade(merged, "base")
    assert value(merged, "SELECT to_regnamespace('genonaut_kept')") is None
