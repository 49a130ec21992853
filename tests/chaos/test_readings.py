"""What is read out of a run: where each job stands, why one ran again, and how long recovery took."""

from dataclasses import replace

import pytest

from shared.models import EventType
from tests.chaos.attempts_account import standing_after
from tests.chaos.follow_ups.sound import FAILING, RETRIED
from tests.chaos.jobs import JobKind
from tests.chaos.operator import REPLACED
from tests.chaos.recovery import NO_FAULT, recoveries
from tests.chaos.reruns import reruns
from tests.chaos.sound import ONE, doctored, ran, sound, struck, submission

DIES = "dies of surrogate"


@pytest.mark.parametrize(
    ("kind", "outcome", "error_code", "why"),
    [
        ("comfyui-kill", None, "prompt_lost", "the server ended"),
        ("comfyui-wedge", None, "prompt_lost", "the server wedged"),
        (
            "comfyui-forget",
            "success",
            "prompt_lost",
            "the server forgot its history, after it had finished and before its outputs were stored",
        ),
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
    (rerun,) = reruns(evidence)
    assert (rerun.job_id, rerun.one.id, rerun.after.id, rerun.why) == (RETRIED, "p2a", "p2b", why)


def test_a_second_execution_after_the_deaths_of_a_worker_and_its_server_names_both() -> None:
    evidence = doctored("attempts", (RETRIED, 1), outcome="expired", error_code=None)
    others = [entry for entry in evidence.journal if entry.prompt_id != "p2a"]
    evidence = replace(evidence, journal=[*ran("p2a", ONE, 20.0, 21.0), *others])
    (rerun,) = reruns(evidence)
    assert rerun.why == "the server ended, after it had finished: its worker had died before the outputs were stored"


def test_a_job_is_run_again_where_a_node_of_another_ended_the_thread_of_its_server() -> None:
    deadly = replace(
        submission(FAILING, JobKind.DEADLY),
        ordered=replace(submission(FAILING).ordered, content=DIES, kind=JobKind.DEADLY),
    )
    others = [entry for entry in sound().journal if entry.prompt_id != "p4"]
    evidence = replace(
        sound(),
        submissions=[*sound().submissions[:3], deadly, sound().submissions[4]],
        journal=[*ran("p4", ONE, 19.0), *others],
        struck=[struck(REPLACED, "comfyui-1", 26.0)],
    )
    assert [rerun.why for rerun in reruns(evidence)] == ["a node had ended the server's thread"]
    late = replace(evidence, journal=[*ran("p4", ONE, 29.0), *others], struck=[])
    assert [rerun.why for rerun in reruns(late)] == [None]


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
    assert submission(1, JobKind.MISSING).ordered.fails_with
    assert not submission(1, JobKind.LONG).ordered.fails_with
