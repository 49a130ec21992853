"""What a model of claims expects of jobs: where each stands, how its attempts ended, and which events may follow."""

from dataclasses import dataclass, field
from itertools import pairwise

from shared.jobs.attempts import MOST_DEATHS, MOST_WAITS
from shared.jobs.errors import NodeFailed, PromptLost
from shared.models import EventType, GenerationJob, JobEvent, JobStatus, Outcome
from tests.jobs import ANOTHER, SERVER

S, E = JobStatus, EventType
SLOTS = {SERVER: 1, ANOTHER: 2}
HELD, FINAL = {S.RUNNING, S.CANCELLING}, {S.COMPLETED, S.FAILED, S.CANCELLED}
# Which event may follow which: the path a watcher sees.
NEXT = {
    E.QUEUED: {E.STARTED, E.CANCELLING, E.CANCELLED},
    E.STARTED: {E.QUEUED, E.COMPLETED, E.FAILED, E.CANCELLING},
    E.CANCELLING: {E.CANCELLED},
    E.COMPLETED: set(),
    E.FAILED: set(),
    E.CANCELLED: set(),
}
FINAL_OUTCOME = {S.COMPLETED: Outcome.COMPLETED, S.FAILED: Outcome.FAILED, S.CANCELLED: Outcome.CANCELLED}
LOST, BROKEN = PromptLost("gpu", "p"), NodeFailed("3", "KSampler", "ValueError", "no")
MOST_ATTEMPTS = 2  # so that jobs wear out within a test
MOST_CLAIMS = MOST_ATTEMPTS + MOST_DEATHS + MOST_WAITS
DEEDS = ["generate", "complete", "fail", "retry", "doubt", "wait", "confirm_cancel", "redirect"]


@dataclass
class Expected:
    """What a job must be. `outcomes` has one for each attempt, None for the one that holds it.

    One that is `generated` has left its slot; one that was cancelled `in_doubt` is held without having been given one.
    """

    status: JobStatus = S.QUEUED
    server: str | None = None  # of a prompt that is alive, or may be
    expired: bool = False
    outcomes: list[Outcome | None] = field(default_factory=list)
    priority: int = 5
    generated: bool = False
    in_doubt: bool = False
    claims_left: int = MOST_CLAIMS

    @property
    def attempt(self) -> int:
        return len(self.outcomes)

    @property
    def is_held(self) -> bool:
        return self.status in HELD

    @property
    def is_in_slot(self) -> bool:
        return self.is_held and not self.generated

    @property
    def may_be_adopted(self) -> bool:
        return self.expired and self.claims_left > 0

    def end(self, outcome: Outcome) -> None:
        if self.outcomes and self.outcomes[-1] is None:
            self.outcomes[-1] = outcome


def assert_as_expected(job: Expected, row: GenerationJob, outcomes: list[Outcome | None]) -> None:
    assert (row.status, row.attempt, outcomes) == (job.status, job.attempt, job.outcomes)
    assert row.server == job.server or job.status in FINAL
    assert (row.completed_at is not None) is (job.status in FINAL)
    assert outcomes.count(None) <= 1, "one holder at a time"
    assert row.claims_left == (job.claims_left if outcomes else None)
    given_back = outcomes.count(Outcome.RELEASED)
    assert len(outcomes) <= MOST_CLAIMS + given_back, "no job is claimed for ever"
    assert (row.generated_at is not None) is job.generated or job.status in FINAL
    if job.status in {S.COMPLETED, S.FAILED}:
        assert outcomes[-1] is FINAL_OUTCOME[job.status]


def assert_legal_path(row: GenerationJob, events: list[JobEvent]) -> None:
    path = [event.type for event in events]
    assert [event.sequence for event in events] == list(range(1, row.events + 1))
    assert path[0] is E.QUEUED
    assert all(after in NEXT[before] for before, after in pairwise(path)), path
    assert (row.status in FINAL) is (not NEXT[path[-1]])
