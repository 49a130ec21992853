"""Whether and when a failed attempt is tried again."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.jobs.attempts import MOST_WAITS, ServerDeaths
from shared.jobs.errors import (
    ComfyUIUnreachable,
    GenerationError,
    InterruptedTwice,
    NodeFailed,
    NotRecorded,
    OutOfMemory,
    OutputCorrupt,
    OutputMissing,
    OutputRefused,
    OutputTooLarge,
    OutputWithheld,
    Poison,
    PromptInterrupted,
    PromptLost,
    SecretsUnreadable,
    ServerUnfit,
    ServerWedged,
    Settled,
    Stalled,
    StorageUnavailable,
    TimedOut,
    Transient,
    Unexpected,
    WorkflowRejected,
    WornOut,
)
from shared.jobs.failures.quarantine import WorkflowQuarantined
from shared.models import JobAttempt, Outcome, SuspectWorkflow
from worker_service.comfyui.inputs.errors import InputMissing, InputTooLarge, UploadFailed
from worker_service.run.failures import BLAMED, FAILURES, NextTry, Tries, decide, own_interruption, poison
from worker_service.run.prompt.server_removed import ServerRemoved

CHANCE = random.Random(0)
SUSPECT = SuspectWorkflow(
    fingerprint="0f1e2d3c4b5a6978", error_code="stalled", job_id=1, quarantined_at=datetime(2026, 1, 1, tzinfo=UTC)
)

# error -> what becomes of its prompt; None: never tried again
TABLE: list[tuple[GenerationError, Outcome | None]] = [
    (ComfyUIUnreachable("gpu", "silence"), Outcome.IN_DOUBT),
    (StorageUnavailable("a/b", "disk full"), Outcome.IN_DOUBT),
    (Unexpected(KeyError("x")), Outcome.IN_DOUBT),
    (OutputWithheld("output a.png", "it breaks off"), Outcome.IN_DOUBT),
    (PromptLost("gpu", "p"), Outcome.RETRIED),
    (PromptInterrupted("3", "KSampler"), Outcome.RETRIED),
    (OutOfMemory("3", "KSampler", "torch.OutOfMemoryError", "full"), Outcome.RETRIED),
    (ServerRemoved("gpu"), Outcome.RETRIED),
    (ServerWedged("gpu"), Outcome.RETRIED),
    (ServerUnfit("gpu", "too old"), Outcome.RETRIED),
    (Stalled("gpu", 600), Outcome.RETRIED),
    (OutputCorrupt("a.png", "truncated"), Outcome.RETRIED),
    (OutputMissing("a.png", 404), Outcome.RETRIED),
    (UploadFailed("gpu", "it answers 500"), Outcome.RETRIED),
    (InputTooLarge("gpu", 5), Outcome.RETRIED),
    (InputMissing("an id"), None),
    (WorkflowRejected("no"), None),
    (NodeFailed("3", "KSampler", "ValueError", "no"), None),
    (InterruptedTwice(PromptInterrupted("3", "Stop")), None),
    (OutputRefused("../a.png", "it leads out"), None),
    (OutputTooLarge("output a.mp4", 5), None),
    (TimedOut(1500), None),
    (Poison(3), None),
    (NotRecorded(), None),
    (SecretsUnreadable("SECRETS_KEY_FILE is not set"), None),
    (WornOut(8), None),
    (WorkflowQuarantined(SUSPECT), None),
]


def decided(error: GenerationError, retries: int = 0, max_attempts: int = 5, **failures: int) -> NextTry | None:
    return decide(error, Tries(retries, max_attempts, failures), CHANCE)


@pytest.mark.parametrize(("error", "outcome"), TABLE, ids=[type(error).__name__ for error, _ in TABLE])
def test_transient_errors_are_tried_again_and_permanent_ones_are_not(
    error: GenerationError, outcome: Outcome | None
) -> None:
    again = decided(error)
    assert (again.outcome if again else None) == outcome


def leaves(kind: type[GenerationError]) -> set[type[GenerationError]]:
    return {leaf for child in kind.__subclasses__() for leaf in leaves(child)} or {kind}


def test_every_error_there_is_stands_in_the_table() -> None:
    assert leaves(GenerationError) == {type(error) for error, _ in TABLE} == set(FAILURES)
    codes = [error.code for error in FAILURES]
    assert len(set(codes)) == len(codes), "each has a code of its own"


def test_the_table_says_what_the_tree_says() -> None:
    for kind, policy in FAILURES.items():
        assert (policy.outcome is not None) is issubclass(kind, Transient), kind
        assert (policy.outcome is Outcome.RETRIED) is issubclass(kind, Settled), kind
        assert not (policy.blames_server and policy.trusts_server), kind


def test_what_is_nobodys_server_counts_against_none() -> None:
    assert BLAMED.isdisjoint({"storage_unavailable", "internal_error", "interrupted", "node_failed", "out_of_memory"})
    assert BLAMED.isdisjoint({"output_corrupt", "output_missing", "output_withheld", "output_refused"}), (
        "a node wrote it"
    )
    assert BLAMED.isdisjoint({"input_too_large", "input_missing"}), "it may take all others"
    assert {"comfyui_unreachable", "prompt_lost", "server_wedged", "stalled", "upload_failed"} <= BLAMED


def test_attempts_are_used_up() -> None:
    error = PromptLost("gpu", "p")
    assert [decided(error, n, 3) is not None for n in range(4)] == [True, True, False, False]
    assert decided(error, max_attempts=1) is None


@pytest.mark.parametrize("error", [error for error, _ in TABLE if FAILURES[type(error)].max_retries == 1], ids=str)
def test_what_is_tried_again_once_is_not_tried_twice(error: GenerationError) -> None:
    assert decided(error, 3, 10, prompt_lost=3)
    assert decided(error, 3, 10, **{error.code: 1}) is None


def test_for_its_outputs_a_job_is_run_a_second_time_and_no_third() -> None:
    corrupt, missing = OutputCorrupt("a.png", "truncated"), OutputMissing("a.png", 404)
    assert decided(corrupt)
    assert decided(missing)
    assert decided(corrupt, 1, 5, output_missing=1) is None
    assert decided(missing, 1, 5, output_corrupt=1) is None


@pytest.mark.parametrize(("retries", "longest_s"), [(0, 40), (1, 80), (2, 160), (3, 320), (4, 320), (50, 320)])
def test_the_delay_is_anything_up_to_a_bound_that_doubles(retries: int, longest_s: int) -> None:
    found = [decided(PromptLost("gpu", "p"), retries, 100) for _ in range(200)]
    delays = [again.delay for again in found if again]
    assert min(delays) >= timedelta(0)
    assert timedelta(seconds=longest_s * 0.9) < max(delays) <= timedelta(seconds=longest_s)
    assert min(delays) < timedelta(seconds=longest_s * 0.1)


def test_five_attempts_take_ten_minutes_at_most() -> None:
    class Longest(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    found = [decide(PromptLost("gpu", "p"), Tries(retries, 5, {}), Longest()) for retries in range(5)]
    assert sum((again.delay for again in found if again), timedelta()) == timedelta(minutes=10)
    assert found[-1] is None


@pytest.mark.parametrize(
    ("before", "error", "deaths"),
    [
        (ServerDeaths(0, 0), ServerWedged("gpu", was_running=True), None),
        (ServerDeaths(1, 0), ServerWedged("gpu", was_running=True), 2),
        (ServerDeaths(1, 0), ServerWedged("gpu"), None),  # it only waited there
        (ServerDeaths(0, 1), PromptLost("gpu", "p", was_running=True), None),  # a process may end for other reasons
        (ServerDeaths(0, 2), PromptLost("gpu", "p", was_running=True), 3),
        (ServerDeaths(1, 1), PromptLost("gpu", "p", was_running=True), 3),
        (ServerDeaths(0, 2), PromptLost("gpu", "p"), None),
        (ServerDeaths(1, 0), PromptLost("gpu", "p", was_running=True, was_wedged=True), 2),  # restarted for its wedge
        (ServerDeaths(1, 0), PromptLost("gpu", "p", was_wedged=True), None),
        (ServerDeaths(5, 5), Stalled("gpu", 600), None),
    ],
)
def test_a_job_under_which_servers_die_again_is_poison(
    before: ServerDeaths, error: GenerationError, deaths: int | None
) -> None:
    found = poison(error, before)
    assert (found.details["deaths"] if found else None) == deaths


def failed_with(error: GenerationError) -> JobAttempt:
    facts: dict[str, Any] = {"job_id": 1, "attempt": 1, "worker_id": "w", "server": "gpu", "comfyui_prompt_id": "p"}
    return JobAttempt(**facts, error_code=error.code, error_details=dict(error.details))


WAITED: list[Transient] = [ComfyUIUnreachable("gpu", "silence"), PromptLost("gpu", "p"), ServerWedged("gpu")]


@pytest.mark.parametrize("error", WAITED, ids=[type(error).__name__ for error in WAITED])
def test_a_wait_in_vain_costs_no_try_until_there_were_too_many(error: Transient) -> None:
    waited = error.before_its_turn()
    tries = [Tries(0, 1, {}, claims_left=3, waits=waits) for waits in range(MOST_WAITS + 1)]
    found = [decide(waited, one, CHANCE) for one in tries]
    assert [again and again.counts for again in found] == [False] * MOST_WAITS + [None]
    counted = decide(waited, Tries(0, 5, {}, claims_left=3, waits=MOST_WAITS), CHANCE)
    assert counted
    assert counted.counts, "from then on each is one of its tries"


def test_a_job_that_may_not_be_claimed_any_more_is_not_put_back_for_a_wait() -> None:
    assert decide(ServerWedged("gpu").before_its_turn(), Tries(0, 5, {}, claims_left=0), CHANCE) is None


@pytest.mark.parametrize(
    ("before", "is_own"),
    [
        (PromptInterrupted("3", "Stop"), True),
        (PromptInterrupted("4", "Stop"), False),
        (PromptInterrupted("3", "KSampler"), False),
        (Stalled("gpu", 600), False),
        (None, False),
    ],
    ids=str,
)
def test_who_is_interrupted_at_the_same_node_twice_in_a_row_does_it_himself(
    before: GenerationError | None, is_own: bool
) -> None:
    last = failed_with(before) if before else None
    found = own_interruption(PromptInterrupted("3", "Stop"), last)
    assert (found is not None) is is_own
    assert own_interruption(NodeFailed("3", "Stop", "ValueError", "no"), last) is None
