"""What follows each way of failing: one table, and the decision whether and when the job is tried again."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from shared.jobs.attempts import MOST_WAITS, ServerDeaths
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import (
    UNREADABLE,
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
    Stalled,
    StorageUnavailable,
    TimedOut,
    Transient,
    Unexpected,
    WorkflowRejected,
    WornOut,
)
from shared.jobs.failures.quarantine import WorkflowQuarantined
from shared.models import JobAttempt, Outcome
from worker_service.comfyui.inputs.errors import InputMissing, InputTooLarge, UploadFailed
from worker_service.run.resources import JobLimits


class FailurePolicy(NamedTuple):
    """`outcome` is how the attempt ends if the job is tried again; None if it never is.

    `max_retries` is how often the job may be tried again after this failure; None for as often as it has attempts left.
    `awaits_storage` is for what an operator must mend: the job waits for that, and its tries do not count it.
    `blames_server` counts against the server and opens its circuit breaker; `trusts_server` says that the server did
    its part. `mark_unreachable` keeps jobs from the server until it answers again, `mark_unfit` until it has another
    version. `avoid_server` gives the job to another server, if there is one. `free_memory` asks the server to unload
    what it has loaded.
    """

    outcome: Outcome | None = None
    max_retries: int | None = None
    awaits_storage: bool = False
    blames_server: bool = False
    trusts_server: bool = False
    mark_unreachable: bool = False
    mark_unfit: bool = False
    avoid_server: bool = False
    free_memory: bool = False


RETRIED, IN_DOUBT = Outcome.RETRIED, Outcome.IN_DOUBT

FAILURES: dict[type[GenerationError], FailurePolicy] = {
    # The prompt may be alive: the next attempt looks for it before it sends another.
    ComfyUIUnreachable: FailurePolicy(IN_DOUBT, blames_server=True, mark_unreachable=True),
    # The result is still in ComfyUI: the next attempt collects it, and nothing is generated again.
    StorageUnavailable: FailurePolicy(IN_DOUBT, awaits_storage=True),
    Unexpected: FailurePolicy(IN_DOUBT),
    # So is the result that a server does not give: it is asked for once more, and the server answers all else.
    OutputWithheld: FailurePolicy(IN_DOUBT, max_retries=1),
    # The prompt is of no more use: the next attempt sends another.
    PromptLost: FailurePolicy(RETRIED, blames_server=True, mark_unreachable=True),
    PromptInterrupted: FailurePolicy(RETRIED),
    ServerWedged: FailurePolicy(RETRIED, blames_server=True, avoid_server=True),
    ServerUnfit: FailurePolicy(RETRIED, mark_unfit=True, avoid_server=True),
    Stalled: FailurePolicy(RETRIED, blames_server=True, avoid_server=True),
    OutOfMemory: FailurePolicy(RETRIED, max_retries=1, avoid_server=True, free_memory=True),
    # Damage was read four times. A new prompt saves under a new name, so that no cached result names the old file; on
    # another server it shows whose doing it was. A node writes what it likes, so no server is blamed.
    OutputCorrupt: FailurePolicy(RETRIED, max_retries=1, avoid_server=True),
    OutputMissing: FailurePolicy(RETRIED, max_retries=1, avoid_server=True),
    # The prompt was not sent, or was of no use without its inputs. What is too large for one server says nothing of it.
    UploadFailed: FailurePolicy(RETRIED, blames_server=True, avoid_server=True),
    InputTooLarge: FailurePolicy(RETRIED, max_retries=1, avoid_server=True),
    # The same job would fail the same way.
    WorkflowRejected: FailurePolicy(trusts_server=True),
    NodeFailed: FailurePolicy(trusts_server=True),
    InterruptedTwice: FailurePolicy(trusts_server=True),
    OutputRefused: FailurePolicy(trusts_server=True),
    OutputTooLarge: FailurePolicy(trusts_server=True),
    NotRecorded: FailurePolicy(trusts_server=True),
    InputMissing: FailurePolicy(),
    SecretsUnreadable: FailurePolicy(),
    TimedOut: FailurePolicy(),
    Poison: FailurePolicy(),
    WornOut: FailurePolicy(),
    WorkflowQuarantined: FailurePolicy(),
}

# Of these a job is given one more run in all, whichever comes first.
BAD_OUTPUT = frozenset(error.code for error in UNREADABLE)

# The codes that count against a server.
BLAMED = frozenset(error.code for error, policy in FAILURES.items() if policy.blames_server)


FIRST_DELAY = timedelta(seconds=40)
LONGEST_DELAY = timedelta(seconds=320)
# Of a job that waits for the store; its worker looks for that more often.
FIRST_LOOK = timedelta(seconds=10)
STORAGE_PATIENCE = timedelta(hours=1)
# Of a job that waited in vain: its server is given no jobs now, so that another one takes it.
FIRST_DETOUR = timedelta(seconds=2)


# A thread of a server ends under a job by that job's doing; a process may end for other reasons, as a worker may.
MOST_WEDGED, MOST_LOST = 2, 3


def poison(error: GenerationError, before: ServerDeaths) -> Poison | None:
    """The error of a job under which servers came to grief too often, counted with this failure."""
    deaths = before.with_one_more(error.code, error.details)
    is_one = deaths != before
    if is_one and (deaths.wedged >= MOST_WEDGED or sum(deaths) >= MOST_LOST):
        return Poison(sum(deaths), of="server")
    return None


def own_interruption(error: GenerationError, before: JobAttempt | None) -> InterruptedTwice | None:
    """The error of a job that was interrupted where it was interrupted the last time it ran: somebody who presses a
    button does not meet the same node twice in a row, and a node that interrupts its run does each time."""
    if not isinstance(error, PromptInterrupted) or before is None:
        return None
    is_same = (before.error_code, before.error_details) == (error.code, dict(error.details))
    return InterruptedTwice(error) if is_same else None


class NextTry(NamedTuple):
    """`counts` is whether it is one of the job's tries."""

    delay: timedelta
    outcome: Outcome
    counts: bool = True


class Tries(NamedTuple):
    """How often the job was put back, how often it may be tried in all, how often it failed with which code, and how
    often it may still be claimed (None: nobody has counted).

    `waits` of its failures came before its turn. It has waited for the store for `waited`, and may for
    `storage_patience`.
    """

    retries: int
    max_attempts: int
    failures: Mapping[str, int]
    claims_left: int | None = None
    waits: int = 0
    waited: timedelta = timedelta(0)
    storage_patience: timedelta = STORAGE_PATIENCE


def tries_of(claim: Claim, limits: JobLimits) -> Tries:
    """Of a job that has just been claimed."""
    job = claim.job
    # Both by the clock of the database: the claim has just changed the job.
    waited = job.updated_at - job.storage_away_since if job.storage_away_since else timedelta(0)
    most = job.max_attempts or limits.attempts
    return Tries(job.retries, most, claim.failures, job.claims_left, claim.waits, waited, limits.storage)


def decide(error: GenerationError, tries: Tries, chance: random.Random) -> NextTry | None:
    """The try that follows a failure. None if another is of no use, or the attempts are used up.

    The delay is exponential with full jitter: between 0 and 40 s, 80 s, 160 s, 320 s. With the default of 5 attempts
    the last one starts within 10 minutes of failures.
    """
    policy = FAILURES[type(error)]
    if policy.awaits_storage and policy.outcome:
        if tries.waited >= tries.storage_patience:
            return None
        looks = tries.failures.get(error.code, 0)
        return NextTry(jittered(FIRST_LOOK, looks, chance), policy.outcome, counts=False)
    if isinstance(error, Transient) and error.only_waited and policy.outcome and may_wait(tries):
        return NextTry(jittered(FIRST_DETOUR, tries.waits, chance), policy.outcome, counts=False)
    used_up = tries.retries + 1 >= tries.max_attempts or tries.claims_left == 0
    alike = BAD_OUTPUT if error.code in BAD_OUTPUT else {error.code}
    times = sum(tries.failures.get(code, 0) for code in alike)
    too_often = policy.max_retries is not None and times >= policy.max_retries
    if policy.outcome is None or used_up or too_often:
        return None
    return NextTry(jittered(FIRST_DELAY, tries.retries, chance), policy.outcome)


def may_wait(tries: Tries) -> bool:
    """Whether a job may go elsewhere once more without a try being counted. Nobody has counted in older rows."""
    return tries.waits < MOST_WAITS and tries.claims_left != 0


def jittered(first: timedelta, times: int, chance: random.Random) -> timedelta:
    """A delay anywhere below `first`, doubled for each of the `times` before, and never above LONGEST_DELAY."""
    longest = min(first * 2 ** min(times, 10), LONGEST_DELAY)
    return timedelta(seconds=chance.uniform(0, longest.total_seconds()))
