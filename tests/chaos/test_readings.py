"""What is read out of a run: where each job stands, why one ran again, and how long recovery took."""

from dataclasses import replace

import pytest

from shared.models import EventType
from tests.chaos.attempts_account import standing_after
from tests.chaos.executions_account import causes
from tests.chaos.jobs import JobKind
from tests.chaos.recovery import NO_FAULT, recoveries
from tests.chaos.sound import (
    ONE,
    RETRIED,
    doctored,
    ran,
    sound,
    struck,
    submission,
)


@pytest.mark.parametrize(
    ("kind", "outcome", "error_code", "why"),
    [
        ("comfyui-kill", None, "prompt_lost", "the server ended"),
        ("comfyui-wedge", None, "prompt_lost", "the server wedged"),
        ("comfyui-forget", "success", "prompt_lost", "the server forgot its history"),
        ("comfyui-interrupt", "interrupted", "interrupted", "somebody interrupted it"),
        ("comfyui-half-file", "success", "output_corrupt", "half a file"),
        ("comfyui-no-file", "success", "output_missing", "a file that was not there"),
        ("comfyui-interrupt", "success", "interrupted", None),
        ("comfyui-half-file", "success", "prompt_lost", None),
    ],
)
def test_a_second_execution_is_put_down_to_the_fault_that_lost_the_first(
    kind: str, outcome: str | None, error_code: str, why: str | None
) -> None:
    evidence = doctored("attempts", (RETRIED, 1), error_code=error_code)
    others = [entry for entry in evidence.journal if entry.prompt_id != "p2a"]
    first = ran("p2a", ONE, 20.0, 22.5, outcome) if outcome else ran("p2a", ONE, 20.0)
    evidence = replace(evidence, journal=[*first, *others], struck=[struck(kind, "comfyui-1", 22.0)])
    assert causes(evidence) == {why or "NOT ACCOUNTED FOR": 1}


@pytest.mark.parametrize(
    ("events", "standing"),
    [
        ("queued", {"queued", "pending"}),
        ("pending", {"pending"}),
        ("queued started", {"running"}),
        ("pending queued started queued started failed", {"failed"}),
        ("queued cancelling cancelled", {"cancelled"}),
        ("queued expired", {"expired"}),
        ("started", set()),
        ("queued completed", set()),
        ("queued started cancelling completed", set()),
        ("queued started completed queued", set()),
        ("", set()),
    ],
)
def test_a_path_leads_where_the_table_of_transitions_says(events: str, standing: set[str]) -> None:
    assert standing_after([EventType(event) for event in events.split()]) == standing


def test_recovery_is_measured_from_the_fault_to_what_is_written_next_of_a_job_it_hit() -> None:
    evidence = replace(
        sound(), struck=[struck("comfyui-kill", "comfyui-1", 24.0), struck("redis-flush", "redis", 23.5)]
    )
    measured = {each.kind: each for each in recoveries(evidence)}
    assert measured["comfyui-kill"].waited == [1.0], "the second job's fifth event, one second later"
    assert measured["redis-flush"].waited == [0.5], "whatever was written next of any job"
    assert measured[NO_FAULT].waited
    assert measured["comfyui-kill"].percentile(0.95) == 1.0


def test_the_kinds_of_jobs_are_told_apart_by_how_they_end() -> None:
    assert submission(1, JobKind.MISSING).ordered.expected == "failed"
    assert submission(1, JobKind.LONG).ordered.expected == "completed"
