"""Whether and when a failed attempt is tried again."""

import random
from datetime import timedelta

import pytest

from shared.errors import (
    ComfyUIUnreachable,
    GenerationError,
    NodeFailed,
    NoOutputs,
    OutputCorrupt,
    OutputMissing,
    Poison,
    PromptInterrupted,
    PromptLost,
    StorageUnavailable,
    TimedOut,
    Unexpected,
    WorkflowRejected,
)
from shared.models import Outcome
from worker_service.retry_policy import decide

CHANCE = random.Random(0)

# error -> what becomes of its prompt; None: never tried again
TABLE: list[tuple[GenerationError, Outcome | None]] = [
    (ComfyUIUnreachable("gpu", "silence"), Outcome.IN_DOUBT),
    (StorageUnavailable("a/b", "disk full"), Outcome.IN_DOUBT),
    (Unexpected(KeyError("x")), Outcome.IN_DOUBT),
    (PromptLost("gpu", "p"), Outcome.RETRIED),
    (PromptInterrupted("3", "KSampler"), Outcome.RETRIED),
    (OutputCorrupt("a.png", "truncated"), Outcome.RETRIED),
    (OutputMissing("a.png", 404), Outcome.RETRIED),
    (WorkflowRejected("no"), None),
    (NodeFailed("3", "KSampler", "ValueError", "no"), None),
    (NoOutputs(), None),
    (TimedOut(1500), None),
    (Poison(3), None),
]


@pytest.mark.parametrize(("error", "outcome"), TABLE, ids=[type(error).__name__ for error, _ in TABLE])
def test_transient_errors_are_tried_again_and_permanent_ones_are_not(
    error: GenerationError, outcome: Outcome | None
) -> None:
    again = decide(error, retries=0, max_attempts=5, chance=CHANCE)
    assert (again.outcome if again else None) == outcome


def test_every_error_there_is_stands_in_the_table() -> None:
    def leaves(kind: type[GenerationError]) -> set[type[GenerationError]]:
        return {leaf for child in kind.__subclasses__() for leaf in leaves(child)} or {kind}

    assert leaves(GenerationError) == {type(error) for error, _ in TABLE}
    codes = [error.code for error, _ in TABLE]
    assert len(set(codes)) == len(codes), "each has a code of its own"


def test_attempts_are_used_up() -> None:
    error = PromptLost("gpu", "p")
    tried = [decide(error, retries=retries, max_attempts=3, chance=CHANCE) is not None for retries in range(4)]
    assert tried == [True, True, False, False]
    assert decide(error, retries=0, max_attempts=1, chance=CHANCE) is None


@pytest.mark.parametrize(("retries", "longest_s"), [(0, 30), (1, 60), (2, 120), (3, 240), (4, 300), (50, 300)])
def test_the_delay_is_anything_up_to_a_bound_that_doubles(retries: int, longest_s: int) -> None:
    delays = [
        again.delay
        for _ in range(200)
        if (again := decide(PromptLost("gpu", "p"), retries=retries, max_attempts=100, chance=CHANCE))
    ]
    assert min(delays) >= timedelta(0)
    assert timedelta(seconds=longest_s * 0.9) < max(delays) <= timedelta(seconds=longest_s)
    assert min(delays) < timedelta(seconds=longest_s * 0.1)
