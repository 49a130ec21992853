"""The migrations make the very schema of the models, from nothing and from the documented old tables."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names every table to SQLModel.metadata
from migrations.upgrade import current, downgrade, upgrade
from shared.database.schema import REVISIONS
from tests.migrations.databases import (
    ACCOUNTS,
    DISPATCH,
    FLEET,
    LEGACY,
    MERGED,
    NAMED,
    TICKETS,
    Row,
    fetch,
    transaction,
)

CATALOGUE = """
SELECT 'column' AS kind, table_name || '.' || column_name AS name,
    concat_ws(' ', udt_name, character_maximum_length, is_nullable, column_default, identity_generation) AS definition
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'alembic_version'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    AND contype <> 'n'
UNION ALL
SELECT 'index', indexname, indexdef
FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
ORDER BY kind, name
"""

OLD_TABLES = """
SELECT table_name AS table, column_name AS column,
    concat_ws(' ', data_type, character_maximum_length, CASE is_nullable WHEN 'NO' THEN 'not null' END,
        'default ' || column_default, CASE is_identity WHEN 'YES' THEN 'identity' END) AS definition
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
ORDER BY table_name DESC, ordinal_position
"""
DOCUMENTED = """
generation_jobs.id: integer not null identity
generation_jobs.user_id: uuid not null
generation_jobs.job_type: character varying 50 not null
generation_jobs.prompt: text not null
generation_jobs.parameters: json
generation_jobs.status: character varying 20 not null default 'pending'::character varying
generation_jobs.result_content_id: integer
generation_jobs.created_at: timestamp without time zone not null
generation_jobs.updated_at: timestamp without time zone not null
generation_jobs.started_at: timestamp without time zone
generation_jobs.completed_at: timestamp without time zone
generation_jobs.error_message: text
comfyui_generation_requests.id: integer not null identity
comfyui_generation_requests.user_id: uuid not null
comfyui_generation_requests.prompt: text not null
comfyui_generation_requests.negative_prompt: text
comfyui_generation_requests.checkpoint_model: character varying 255 not null
comfyui_generation_requests.lora_models: json not null default '[]'::json
comfyui_generation_requests.width: integer not null
comfyui_generation_requests.height: integer not null
comfyui_generation_requests.batch_size: integer not null
comfyui_generation_requests.sampler_params: json not null default '{}'::json
comfyui_generation_requests.status: character varying 20 not null
comfyui_generation_requests.comfyui_prompt_id: character varying 255
comfyui_generation_requests.output_paths: json not null default '[]'::json
comfyui_generation_requests.thumbnail_paths: json not null default '[]'::json
comfyui_generation_requests.created_at: timestamp without time zone not null
comfyui_generation_requests.updated_at: timestamp without time zone not null
comfyui_generation_requests.started_at: timestamp without time zone
comfyui_generation_requests.completed_at: timestamp without time zone
comfyui_generation_requests.error_message: text
"""


def catalogue(url: str) -> list[Row]:
    return fetch(url, CATALOGUE)


def test_alembic_finds_nothing_to_change_after_the_last_revision(empty: str) -> None:
    upgrade(empty)
    with transaction(empty) as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_columns_defaults_checks_and_indexes_are_those_the_models_make(empty: str, legacy: str) -> None:
    with transaction(empty) as connection:
        SQLModel.metadata.create_all(connection)
    upgrade(legacy)
    assert catalogue(legacy) == catalogue(empty)


def test_the_old_tables_are_the_documented_ones(empty: str) -> None:
    upgrade(empty, LEGACY)
    columns = [f"{row['table']}.{row['column']}: {row['definition']}" for row in fetch(empty, OLD_TABLES)]
    assert columns == DOCUMENTED.split("\n")[1:-1]
    [unique] = [row for row in catalogue(empty) if "UNIQUE" in row["definition"] and row["kind"] == "constraint"]
    assert unique["definition"] == "UNIQUE (comfyui_prompt_id)"


def test_an_empty_database_goes_up_and_down_and_up_again(empty: str) -> None:
    upgrade(empty)
    newest = catalogue(empty)
    downgrade(empty, "base")
    assert catalogue(empty) == []
    assert current(empty) is None
    upgrade(empty)
    assert catalogue(empty) == newest


def test_each_revision_undone_leaves_the_schema_before_it(legacy: str) -> None:
    before = {}
    for revision in (LEGACY, MERGED, DISPATCH, ACCOUNTS, FLEET, NAMED, TICKETS, "head"):
        upgrade(legacy, revision)
        before[current(legacy)] = catalogue(legacy)
    for revision in (TICKETS, NAMED, FLEET, ACCOUNTS, DISPATCH, MERGED, LEGACY):
        downgrade(legacy, revision)
        assert catalogue(legacy) == before[revision], revision


def test_a_database_with_rows_goes_down_to_nothing_and_up_again(legacy: str) -> None:
    upgrade(legacy)
    downgrade(legacy, "base")
    assert catalogue(legacy) == []
    upgrade(legacy)
    assert fetch(legacy, "SELECT * FROM generation_jobs") == []


def test_the_revisions_are_one_line() -> None:
    revisions = [script.revision for script in ScriptDirectory("migrations").walk_revisions()]
    assert revisions == [
        "webhooks_that_rest",
        "model_info",
        "lanes_in_order",
        "disabled_webhooks",
        "rows_that_go_with_jobs",
        "accepted_jobs",
        "days_of_what_is_found",
        "newest_failures",
        "history",
        "traces",
        "moving_files",
        "embeddings",
        "usage",
        "browsers",
        "keys_of_tasks",
        "waiting_work",
        "durations",
        "parked_and_paused",
        "servers_and_labels",
        "failures",
        "turns",
        "clean_up",
        "tasks",
        "notifications",
        "schedules",
        "keys_of_uploads",
        "webhooks_of_jobs",
        "webhooks",
        "native_prompts",
        "inputs_of_jobs",
        "assets",
        "secrets_of_jobs",
        "what_is_sent_along",
        "storage_and_notes",
        "claims_left",
        "whose_outputs",
        "server_probes",
        TICKETS,
        NAMED,
        FLEET,
        ACCOUNTS,
        DISPATCH,
        MERGED,
        LEGACY,
    ]
    assert revisions == list(reversed(REVISIONS)), "the services know them all"
