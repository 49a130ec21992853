"""Up through the merge: what each rule makes of the old rows."""

import logging
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from migrations.upgrade import current, upgrade
from shared.models import GenerationJob, JobStatus
from tests.migrations.databases import LEGACY, execute, fetch, insert, table, transaction, value

pytestmark = pytest.mark.landing

A_JOB = {
    "user_id": "1f0c7a52-0000-4000-8000-000000000001",
    "job_type": "image",
    "prompt": "a lighthouse",
    "parameters": "{}",
    "status": "completed",
    "created_at": "2025-03-01 12:00:00",
    "updated_at": "2025-03-01 12:00:00",
}
A_REQUEST = {
    **{name: A_JOB[name] for name in ("user_id", "prompt", "status", "created_at", "updated_at")},
    "checkpoint_model": "sd_xl_base_1.0.safetensors",
    "width": 832,
    "height": 1216,
    "batch_size": 1,
}

REPORT = """
jobs that kept their ids: 47
requests that became jobs: 49
requests that were 'processing', now 'running': 2
rows with a width outside 1..16384, now NULL: 3
rows with a height outside 1..16384, now NULL: 2
rows with a batch_size outside 1..4096, now NULL: 2
rows with parameters that are NULL or no object, now {}: 4
rows with sampler_params that are no object, now {}: 2
rows with lora_models that are no list of objects, now []: 3
rows with output_paths, now in legacy: 28
rows with thumbnail_paths, now in legacy: 28
rows with JSON that is null or that jsonb does not hold whole, its text now in legacy: 10
rows with another word, now 'cancelled': 3: "Canceled" (1), "canceled" (1), "cancelling" (1)
rows with another word, now 'completed': 6: " completed " (1), "Completed" (1), "DONE" (1), "Done" (1), "SUCCESS" (1), \
"finished" (1)
rows with another word, now 'failed': 7: "0" (1), "???" (1), "en attente" (1), "error" (1), "errored" (1), \
"timed out" (1), "完了" (1)
rows with another word, now 'pending': 2: "queued" (1), "waiting" (1)
rows with another word, now 'running': 6: "  processing" (1), "In Progress" (1), "PROCESSING" (1), "in-progress" (1), \
"processing" (1), "running" (1)
"""


def test_jobs_keep_their_ids_and_requests_get_new_ones_above_in_their_order(legacy: str) -> None:
    jobs = [row["id"] for row in table(legacy, "generation_jobs")]
    requests = [row["id"] for row in table(legacy, "comfyui_generation_requests")]
    assert set(jobs) & set(requests)
    upgrade(legacy)
    merged = table(legacy, "generation_jobs")
    assert [row["id"] for row in merged if row["legacy_request_id"] is None] == jobs
    new_ids = {row["legacy_request_id"]: row["id"] for row in merged if row["legacy_request_id"] is not None}
    first = max(jobs) + 1
    assert new_ids == dict(zip(requests, range(first, first + len(requests)), strict=True))


def test_the_next_job_gets_an_id_above_all(merged: str) -> None:
    highest = value(merged, "SELECT max(id) FROM generation_jobs")
    new = "INSERT INTO generation_jobs (user_id, job_type, status, prompt) SELECT user_id, job_type, status, prompt"
    assert value(merged, f"{new} FROM generation_jobs LIMIT 1 RETURNING id") == highest + 1


def test_ids_given_out_before_and_deleted_are_not_given_again(empty: str) -> None:
    upgrade(empty, LEGACY)
    insert(empty, "generation_jobs", [A_JOB])
    execute(empty, "SELECT setval(pg_get_serial_sequence('generation_jobs', 'id'), 500)")
    upgrade(empty)
    assert value(empty, "SELECT nextval(pg_get_serial_sequence('generation_jobs', 'id'))") == 501


def test_job_types_stay_as_they_were_and_requests_are_images(legacy: str) -> None:
    before = {row["id"]: row["job_type"] for row in table(legacy, "generation_jobs")}
    assert {"image", "image_generation", "text_generation"} <= set(before.values())
    upgrade(legacy)
    for row in table(legacy, "generation_jobs"):
        assert row["job_type"] == before.get(row["id"], "image")


WORDS = {
    "pending": "pending",
    "running": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "processing": "running",
    "queued": "pending",
    "  DONE\n": "completed",
    "In-Progress": "running",
    "canceled": "cancelled",
    "cancelling": "cancelled",
    "Error": "failed",
    "paused": "failed",
    "": "failed",
}


@pytest.mark.parametrize("name", ["generation_jobs", "comfyui_generation_requests"])
def test_a_word_for_a_status_becomes_one_of_the_new_statuses(empty: str, name: str) -> None:
    upgrade(empty, LEGACY)
    row = A_JOB if name == "generation_jobs" else A_REQUEST
    insert(empty, name, [{**row, "status": word, "prompt": word} for word in WORDS])
    upgrade(empty)
    assert {row["prompt"]: row["status"] for row in table(empty, "generation_jobs")} == WORDS


def test_times_without_a_zone_are_utc_wherever_the_server_is(legacy: str) -> None:
    before = {row["id"]: row["created_at"] for row in table(legacy, "generation_jobs")}
    execute(
        legacy,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Asia/Tokyo''', current_database()); END $$",
    )
    upgrade(legacy)
    for row in fetch(legacy, "SELECT id, created_at FROM generation_jobs WHERE legacy_request_id IS NULL"):
        assert row["created_at"] == before[row["id"]].replace(tzinfo=UTC)


def test_no_moved_row_ever_starts_by_itself_but_a_new_one_does(merged: str) -> None:
    assert value(merged, "SELECT count(*) FROM generation_jobs WHERE run_after IS NOT NULL") == 0
    execute(
        merged,
        "INSERT INTO generation_jobs (user_id, job_type, status, prompt)"
        " SELECT user_id, job_type, 'queued', prompt FROM generation_jobs WHERE id = 1",
    )
    assert value(merged, "SELECT count(*) FROM generation_jobs WHERE run_after <= now()") == 1


def test_every_moved_row_can_be_read_as_a_job(merged: str) -> None:
    with transaction(merged) as connection, Session(connection) as session:
        jobs = session.exec(select(GenerationJob)).all()
    assert len(jobs) == len(table(merged, "generation_jobs"))
    for job in jobs:
        assert job.status in set(JobStatus)
        assert isinstance(job.params, dict)
        assert all(isinstance(lora, dict) for lora in job.lora_models)
        assert job.created_at.tzinfo is not None


def test_legacy_is_empty_where_the_new_row_holds_everything(merged: str) -> None:
    kept = {row["id"]: row["legacy"] for row in table(merged, "generation_jobs")}
    assert kept[1] is None
    assert kept[35] is None  # numbers beyond 2^53 are nothing to jsonb
    assert kept[40] is None  # nor are escapes of whole characters
    assert kept[42] == '{"parameters": [{"steps": 20}, {"steps": 30}]}'


def test_both_shapes_of_thumbnail_paths_are_kept(merged: str) -> None:
    shapes = {row["legacy_request_id"]: row for row in table(merged, "generation_jobs")}
    assert '"thumbnail_paths": ["/data/thumbnails/2025/0001_0.png"]' in shapes[1]["legacy"]
    assert '"thumbnail_paths": {"256": "/data/thumbnails/2025/0002_256.webp"' in shapes[2]["legacy"]


def test_where_a_value_is_wanted_null_becomes_the_stated_one(empty: str) -> None:
    upgrade(empty, LEGACY)
    execute(
        empty,
        *(f"ALTER TABLE generation_jobs ALTER COLUMN {column} DROP NOT NULL" for column in A_JOB),
        "INSERT INTO generation_jobs (status, started_at) VALUES (NULL, '2025-03-01 12:00:00')",
    )
    upgrade(empty)
    [job] = fetch(empty, "SELECT * FROM generation_jobs")
    started = datetime(2025, 3, 1, 12, tzinfo=UTC)
    assert (job["user_id"], job["job_type"], job["prompt"]) == (UUID(int=0), "image", "")
    assert (job["status"], job["params"], job["created_at"], job["updated_at"]) == ("failed", {}, started, started)
    assert set(job["legacy"].values()) == {None}


def test_each_rule_is_reported_with_the_rows_it_applied_to(legacy: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="alembic.runtime.migration"):
        upgrade(legacy)
    said = [message.removeprefix("Merge: ") for message in caplog.messages if message.startswith("Merge: ")]
    assert said == REPORT.split("\n")[1:-1]


def test_a_database_may_have_jsonb_and_zones_already(legacy: str) -> None:
    before = table(legacy, "comfyui_generation_requests")[0]
    execute(
        legacy,
        "DELETE FROM generation_jobs WHERE parameters::text LIKE '%\\\\u%' OR parameters::text LIKE '%1e2%'",
        "DELETE FROM comfyui_generation_requests WHERE id > 200",
        "ALTER TABLE generation_jobs ALTER COLUMN parameters TYPE jsonb",
        "ALTER TABLE comfyui_generation_requests ALTER COLUMN lora_models DROP DEFAULT",
        "ALTER TABLE comfyui_generation_requests ALTER COLUMN lora_models TYPE jsonb",
        "ALTER TABLE comfyui_generation_requests"
        " ALTER COLUMN created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC'",
    )
    upgrade(legacy)
    [moved] = [row for row in table(legacy, "generation_jobs") if row["legacy_request_id"] == 1]
    assert (moved["lora_models"], moved["created_at"]) == (before["lora_models"], before["created_at"])


@pytest.mark.parametrize("emptied", ["generation_jobs", "comfyui_generation_requests"])
def test_one_of_the_tables_may_be_empty(legacy: str, emptied: str) -> None:
    execute(legacy, f"DELETE FROM {emptied}")
    left = len(table(legacy, "generation_jobs")) + len(table(legacy, "comfyui_generation_requests"))
    upgrade(legacy)
    merged = table(legacy, "generation_jobs")
    assert len(merged) == left
    if emptied == "generation_jobs":
        assert [row["id"] for row in merged] == list(range(1, left + 1))


def test_what_refers_to_a_job_still_does(legacy: str) -> None:
    execute(
        legacy,
        "CREATE TABLE ratings (job_id integer REFERENCES generation_jobs (id))",
        "INSERT INTO ratings VALUES (1), (102)",
    )
    upgrade(legacy)
    with pytest.raises(DBAPIError, match="ratings_job_id_fkey"):
        execute(legacy, "DELETE FROM generation_jobs WHERE id = 102")


def test_a_merge_that_fails_leaves_everything_as_it_was(legacy: str) -> None:
    before = table(legacy, "generation_jobs"), table(legacy, "comfyui_generation_requests")
    execute(legacy, "CREATE VIEW recent AS SELECT id FROM comfyui_generation_requests")
    with pytest.raises(DBAPIError, match="view recent depends on table comfyui_generation_requests"):
        upgrade(legacy)
    assert current(legacy) == LEGACY
    assert (table(legacy, "generation_jobs"), table(legacy, "comfyui_generation_requests")) == before


def test_requests_with_a_column_nobody_knows_are_not_merged(legacy: str) -> None:
    execute(legacy, "ALTER TABLE comfyui_generation_requests ADD COLUMN rating integer")
    with pytest.raises(Exception, match="comfyui_generation_requests has columns that this merge would lose: rating"):
        upgrade(legacy)
    assert current(legacy) == LEGACY
