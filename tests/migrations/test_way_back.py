"""Down through the merge: what the old tables can hold of jobs made, or changed, after it."""

from typing import Any

import pytest

from migrations.upgrade import downgrade, upgrade
from tests.migrations.databases import LEGACY, MERGED, Row, execute, fetch, table, value
from tests.migrations.originals import parsed

pytestmark = pytest.mark.landing

USER = "1f0c7a52-0000-4000-8000-000000000009"
NEW_JOB: dict[str, Any] = {
    "user_id": USER,
    "job_type": "text_to_image",
    "status": "completed",
    "prompt": "a 🦊 in the\nsnow",
    "negative_prompt": "blurry",
    "checkpoint_model": "sd_xl_base_1.0.safetensors",
    "lora_models": '[{"name": "film-grain.safetensors", "strength_model": 0.8, "strength_clip": 0.8}]',
    "width": 1024,
    "height": 768,
    "batch_size": 2,
    "params": '{"cfg": 5.5, "seed": 18446744073709551615, "steps": 28}',
    "comfyui_prompt_id": "5d3f3a0e-0001-4000-8000-000000000001",
    "error_message": "none to speak of",
    "created_at": "2025-09-01 12:00:00+02",
    "updated_at": "2025-09-01 12:00:09+02",
    "started_at": "2025-09-01 12:00:01+02",
    "completed_at": "2025-09-01 12:00:08.5+02",
}


def add_job(url: str, **changes: Any) -> int:
    """Add a job as the services do; returns its id."""
    execute(url, "INSERT INTO users (id, name) VALUES (:id, 'owner') ON CONFLICT DO NOTHING", id=USER)
    job = {**NEW_JOB, **changes}
    columns, values = ", ".join(job), ", ".join(f":{name}" for name in job)
    added: int = value(url, f"INSERT INTO generation_jobs ({columns}) VALUES ({values}) RETURNING id", **job)
    return added


def add_output(url: str, job_id: int, number: int, thumbnails: str = "{}") -> None:
    execute(
        url,
        "INSERT INTO job_outputs"
        " (job_id, number, kind, node_id, filename, path, media_type, size_bytes, sha256, thumbnails)"
        " VALUES (:job_id, :number, 'image', '9', 'a.png', :path, 'image/png', 1, '0', CAST(:thumbnails AS jsonb))",
        job_id=job_id,
        number=number,
        path=f"{USER}/{job_id}/{number}.png",
        thumbnails=thumbnails,
    )


def newest_request(url: str) -> Row:
    return table(url, "comfyui_generation_requests")[-1]


def test_a_new_job_with_a_checkpoint_becomes_a_request_with_all_that_a_request_can_hold(legacy: str) -> None:
    highest = value(legacy, "SELECT max(id) FROM comfyui_generation_requests")
    upgrade(legacy)
    job = add_job(legacy)
    downgrade(legacy, LEGACY)
    request = newest_request(legacy)
    assert request["id"] == highest + 1
    for name in (
        *("prompt", "negative_prompt", "checkpoint_model", "width", "height", "batch_size", "status"),
        *("comfyui_prompt_id", "error_message"),
    ):
        assert request[name] == NEW_JOB[name], name
    assert str(request["user_id"]) == USER
    assert parsed(request["lora_models"]) == parsed(NEW_JOB["lora_models"])
    assert parsed(request["sampler_params"]) == parsed(NEW_JOB["params"])
    assert [str(request[name]) for name in ("created_at", "updated_at", "started_at", "completed_at")] == [
        *("2025-09-01 10:00:00", "2025-09-01 10:00:09", "2025-09-01 10:00:01", "2025-09-01 10:00:08.500000")
    ]
    assert fetch(legacy, "SELECT FROM generation_jobs WHERE id = :id", id=job) == []


def test_a_new_job_without_a_checkpoint_stays_a_job(merged: str) -> None:
    added = add_job(merged, checkpoint_model=None, job_type="text_generation", params='{"max_tokens": 8}')
    execute(merged, "UPDATE generation_jobs SET content_id = 7 WHERE id = :id", id=added)
    downgrade(merged, LEGACY)
    job = table(merged, "generation_jobs")[-1]
    assert (job["id"], job["job_type"], job["prompt"]) == (added, "text_generation", NEW_JOB["prompt"])
    assert (job["parameters"], job["result_content_id"]) == ('{"max_tokens": 8}', 7)


def test_sizes_a_job_did_not_name_become_the_former_defaults(merged: str) -> None:
    add_job(merged, width=None, height=None, batch_size=None)
    downgrade(merged, LEGACY)
    request = newest_request(merged)
    assert (request["width"], request["height"], request["batch_size"]) == (832, 1216, 1)


NEAREST = {  # as a request, and as a job
    "pending": ("pending", "pending"),
    "queued": ("pending", "pending"),
    "running": ("processing", "running"),
    "cancelling": ("processing", "running"),
    "cancelled": ("cancelled", "cancelled"),
}


def test_a_new_status_becomes_the_nearest_old_one(merged: str) -> None:
    for status in NEAREST:
        add_job(merged, status=status, prompt=f"new: {status}", comfyui_prompt_id=status)
        add_job(merged, status=status, prompt=f"new: {status}", checkpoint_model=None, comfyui_prompt_id=None)
    downgrade(merged, LEGACY)
    became = [
        {row["prompt"]: row["status"] for row in table(merged, name) if row["prompt"].startswith("new: ")}
        for name in ("comfyui_generation_requests", "generation_jobs")
    ]
    assert became == [{f"new: {status}": pair[number] for status, pair in NEAREST.items()} for number in (0, 1)]


def test_paths_of_one_output_become_a_list_and_an_object_by_size(merged: str) -> None:
    job = add_job(merged)
    add_output(merged, job, 0, '{"256": {"path": "small.webp", "width": 256}, "1024": {"path": "large.webp"}}')
    downgrade(merged, LEGACY)
    request = newest_request(merged)
    assert parsed(request["output_paths"]) == parsed(f'["{USER}/{job}/0.png"]')
    assert parsed(request["thumbnail_paths"]) == parsed('{"256": "small.webp", "1024": "large.webp"}')


def test_paths_of_several_outputs_become_lists_in_their_order(merged: str) -> None:
    job = add_job(merged)
    add_output(merged, job, 1, '{"256": {"path": "second.webp"}}')
    add_output(merged, job, 0, '{"1024": {"path": "first-large.webp"}, "256": {"path": "first.webp"}}')
    add_output(merged, job, 2)
    downgrade(merged, LEGACY)
    request = newest_request(merged)
    assert parsed(request["output_paths"]) == parsed(
        f'["{USER}/{job}/0.png", "{USER}/{job}/1.png", "{USER}/{job}/2.png"]'
    )
    assert parsed(request["thumbnail_paths"]) == parsed('["first.webp", "first-large.webp", "second.webp"]')


def test_what_has_moved_on_since_the_merge_is_not_turned_back(merged: str) -> None:
    execute(
        merged,
        "UPDATE generation_jobs SET status = 'cancelled' WHERE legacy_request_id = 17",  # it was 'waiting'
        "UPDATE generation_jobs SET status = 'cancelled' WHERE id = 19",  # it was 'queued'
        "UPDATE generation_jobs SET width = 512 WHERE legacy_request_id = 210",  # it was 0
        """UPDATE generation_jobs SET params = '{"steps": 1}' WHERE id = 42""",  # it was a list
    )
    downgrade(merged, LEGACY)
    requests = {row["id"]: row for row in table(merged, "comfyui_generation_requests")}
    jobs = {row["id"]: row for row in table(merged, "generation_jobs")}
    assert (requests[17]["status"], requests[210]["width"]) == ("cancelled", 512)
    assert (jobs[19]["status"], jobs[42]["parameters"]) == ("cancelled", '{"steps": 1}')


def test_new_rows_of_both_tables_get_ids_above_all(merged: str) -> None:
    downgrade(merged, LEGACY)
    for name, columns in {
        "generation_jobs": "user_id, job_type, prompt, created_at, updated_at",
        "comfyui_generation_requests": "user_id, prompt, checkpoint_model, width, height, batch_size, status,"
        " created_at, updated_at",
    }.items():
        highest = value(merged, f"SELECT max(id) FROM {name}")
        copied = f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {name} LIMIT 1 RETURNING id"
        assert value(merged, copied) > highest


def test_a_waiting_job_survives_the_way_down_one_revision_and_up_again(merged: str) -> None:
    job = add_job(merged, status="queued")
    due = value(merged, "SELECT run_after FROM generation_jobs WHERE id = :id", id=job)
    downgrade(merged, MERGED)
    upgrade(merged)
    [again] = fetch(merged, "SELECT status, run_after, legacy FROM generation_jobs WHERE id = :id", id=job)
    assert again == {"status": "pending", "run_after": due, "legacy": None}


def test_a_job_whose_prompt_may_be_alive_is_not_started_again(merged: str) -> None:
    job = add_job(merged, status="queued")
    execute(merged, "UPDATE generation_jobs SET server = 'http://127.0.0.1:8188' WHERE id = :id", id=job)
    downgrade(merged, MERGED)
    upgrade(merged)
    assert value(merged, "SELECT run_after FROM generation_jobs WHERE id = :id", id=job) is None
