"""The test data covers what the merge is for, and is loaded only where nothing else is."""

import json

import pytest

from deploy.local.load_test_data import NotEmpty, load
from migrations.upgrade import current
from tests.migrations.databases import LEGACY, Row, execute, table, value
from tests.migrations.test_command_line import HEAD

pytestmark = pytest.mark.landing


@pytest.fixture
def jobs(legacy: str) -> list[Row]:
    return table(legacy, "generation_jobs")


@pytest.fixture
def requests(legacy: str) -> list[Row]:
    return table(legacy, "comfyui_generation_requests")


def test_an_empty_database_gets_every_row_and_the_newest_schema(empty: str) -> None:
    counts = load(empty)
    assert counts == {"generation_jobs.tsv": 47, "comfyui_generation_requests.tsv": 49, "generation_jobs": 96}
    assert current(empty) == HEAD


def test_a_database_that_was_migrated_is_left_alone(newest: str) -> None:
    with pytest.raises(NotEmpty, match=f"at revision {HEAD} already"):
        load(newest)
    assert value(newest, "SELECT count(*) FROM generation_jobs") == 0


def test_old_rows_are_left_alone(legacy: str) -> None:
    execute(legacy, "DELETE FROM generation_jobs")
    with pytest.raises(NotEmpty, match="comfyui_generation_requests has rows already"):
        load(legacy)
    assert current(legacy) == LEGACY
    assert value(legacy, "SELECT count(*) FROM generation_jobs") == 0


def test_there_are_forty_rows_of_each_and_their_ids_overlap(jobs: list[Row], requests: list[Row]) -> None:
    assert min(len(jobs), len(requests)) >= 40
    assert {row["id"] for row in jobs} & {row["id"] for row in requests}


def test_every_status_is_there_and_words_outside_the_lists(jobs: list[Row], requests: list[Row]) -> None:
    listed = {"pending", "running", "completed", "failed", "cancelled"}
    assert {row["status"] for row in jobs} > listed
    assert {row["status"] for row in requests} > listed - {"running"} | {"processing"}


def test_both_shapes_of_thumbnail_paths_are_there(requests: list[Row]) -> None:
    shapes = {type(json.loads(row["thumbnail_paths"])) for row in requests}
    assert {list, dict} <= shapes


def test_prompts_have_signs_of_every_kind(jobs: list[Row]) -> None:
    prompts = "".join(row["prompt"] for row in jobs)
    for sign in ("🦊", "منارة", "מגדלור", "e\u0301", "灯台", "한국어", "\t", "\n", "\r", "\\N", '"', "'"):
        assert sign in prompts, sign


def test_prompts_are_long_and_repeat(jobs: list[Row], requests: list[Row]) -> None:
    for rows in (jobs, requests):
        prompts = [row["prompt"] for row in rows]
        assert max(map(len, prompts)) == 20_000
        assert len(set(prompts)) < len(prompts)


def test_old_and_new_job_types_are_there(jobs: list[Row]) -> None:
    assert {"image", "image_generation", "text_generation"} <= {row["job_type"] for row in jobs}
