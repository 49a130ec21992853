"""From the merged rows alone every old value can be told, and the way down puts it back where it was."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from migrations.upgrade import downgrade, upgrade
from tests.hypotheses import given
from tests.migrations.databases import LEGACY, Databases, Row, execute, insert, table
from tests.migrations.originals import NULL, meaning, original_job, original_request

pytestmark = [pytest.mark.system, pytest.mark.landing]

NULLABLE = {
    *("parameters", "result_content_id", "negative_prompt", "comfyui_prompt_id"),
    *("started_at", "completed_at", "error_message"),
}


def test_every_old_value_can_be_told_from_the_new_rows(legacy: str) -> None:
    jobs, requests = table(legacy, "generation_jobs"), table(legacy, "comfyui_generation_requests")
    upgrade(legacy)
    assert_told(jobs, requests, table(legacy, "generation_jobs"))


def test_every_old_row_comes_back_as_it_was(legacy: str) -> None:
    jobs, requests = table(legacy, "generation_jobs"), table(legacy, "comfyui_generation_requests")
    upgrade(legacy)
    downgrade(legacy, LEGACY)
    assert list(map(meaning, table(legacy, "generation_jobs"))) == list(map(meaning, jobs))
    assert list(map(meaning, table(legacy, "comfyui_generation_requests"))) == list(map(meaning, requests))


def test_a_second_time_up_makes_the_rows_of_the_first(merged: str) -> None:
    first = table(merged, "generation_jobs")
    downgrade(merged, LEGACY)
    upgrade(merged)
    assert table(merged, "generation_jobs") == first


def test_json_that_jsonb_does_not_hold_comes_back_letter_by_letter(legacy: str) -> None:
    odd = [row["parameters"] for row in table(legacy, "generation_jobs") if 36 <= row["id"] <= 41]
    assert any(r"\u0000" in text for text in odd)
    upgrade(legacy)
    downgrade(legacy, LEGACY)
    back = [row["parameters"] for row in table(legacy, "generation_jobs") if 36 <= row["id"] <= 41]
    assert [text for text in back if r"\u" in text or "1e2" in text] == [
        text for text in odd if r"\u0000" in text or r"\ud83e " in text or "1e2" in text
    ]


# -- Any rows whatever ------------------------------------------------------------------------------------------------

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
integers = st.integers(-(2**31), 2**31 - 1)
moments = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))  # noqa: DTZ001
json_strings = st.one_of(
    text.map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.text(max_size=20).map(json.dumps),
    st.sampled_from([r'"\u0000"', r'"\ud800"', r'"\ude00\ud83d"', r'"\u0022"', r'"\\u0022"', r'"a\"b"', r'"\u00e9"']),
)
json_numbers = st.one_of(
    st.integers().map(str),
    st.sampled_from(["0", "-0", "1.50", "1e3", "1E-5", "9007199254740993", "1e200000", "1e-20000"]),
)


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(st.sampled_from(['"a"', '"b"', r'"\u0061"']) | json_strings, inner).map(": ".join)
    return st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(pairs, max_size=4).map(lambda items: "{" + ", ".join(items) + "}"),
    )


documents = st.recursive(st.sampled_from(["null", "true", "{}", "[]"]) | json_strings | json_numbers, containers)
statuses = st.one_of(
    st.sampled_from(["pending", "running", "processing", "completed", "failed", "cancelled", "Done", " queued\t", ""]),
    text,
)


def nullable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    both = {
        "user_id": st.uuids().map(str),
        "prompt": text,
        "status": statuses,
        "error_message": text,
        **dict.fromkeys(("created_at", "updated_at", "started_at", "completed_at"), moments),
    }
    optional = {name: nullable(strategy) for name, strategy in {**both, **columns}.items()}
    ids = {"id": st.integers(1, 50)}
    return st.lists(st.fixed_dictionaries({**ids, **optional}), max_size=6, unique_by=lambda row: row["id"])


any_jobs = rows(job_type=text, parameters=documents, result_content_id=integers)
any_requests = rows(
    negative_prompt=text,
    checkpoint_model=text,
    comfyui_prompt_id=st.nothing(),
    **dict.fromkeys(("width", "height", "batch_size"), integers),
    **dict.fromkeys(("lora_models", "sampler_params", "output_paths", "thumbnail_paths"), documents),
)


@pytest.fixture(scope="session")
def lax_template(databases: Databases) -> str:
    """The old tables as a database may have them that lacks every NOT NULL but the keys'."""
    url = databases.make()
    upgrade(url, LEGACY)
    for name, columns in {
        "generation_jobs": ("user_id", "job_type", "prompt", "status", "created_at", "updated_at"),
        "comfyui_generation_requests": (
            *("user_id", "prompt", "checkpoint_model", "lora_models", "width", "height", "batch_size"),
            *("sampler_params", "status", "output_paths", "thumbnail_paths", "created_at", "updated_at"),
        ),
    }.items():
        execute(url, *(f"ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL" for column in columns))
    return url


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "examples", [2, pytest.param(8, marks=pytest.mark.landing), pytest.param(20, marks=pytest.mark.long)]
)
def test_whatever_the_old_rows_hold_can_be_told_and_comes_back(
    databases: Databases, lax_template: str, examples: int
) -> None:
    @given(jobs=any_jobs, requests=any_requests)
    @settings(max_examples=examples, deadline=None, derandomize=True)
    def told_and_back(jobs: list[Row], requests: list[Row]) -> None:
        url = databases.make(lax_template)
        insert(url, "generation_jobs", jobs)
        insert(url, "comfyui_generation_requests", requests)
        jobs, requests = table(url, "generation_jobs"), table(url, "comfyui_generation_requests")
        upgrade(url)
        assert_told(jobs, requests, table(url, "generation_jobs"))
        downgrade(url, LEGACY)
        assert_back(jobs, table(url, "generation_jobs"))
        assert_back(requests, table(url, "comfyui_generation_requests"))
        databases.drop(url)

    told_and_back()


def assert_told(jobs: list[Row], requests: list[Row], merged: list[Row]) -> None:
    assert [original_job(row) for row in merged if row["legacy_request_id"] is None] == list(map(meaning, jobs))
    assert [original_request(row) for row in merged if row["legacy_request_id"] is not None] == list(
        map(meaning, requests)
    )


def assert_back(before: list[Row], after: list[Row]) -> None:
    """The same rows. A NULL that the documented table does not allow has become some value."""
    assert len(before) == len(after)
    for old, new in zip(map(meaning, before), map(meaning, after), strict=True):
        kept = [name for name, value in old.items() if name in NULLABLE or (value is not None and value != NULL)]
        assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
