"""A job's events are a path that the table of transitions allows, and its attempts tell the same story."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from shared.jobs.attempts import MOST_WAITS
from shared.jobs.error_kinds import says_only_waited
from shared.jobs.errors import StorageUnavailable
from shared.jobs.transitions import TRANSITIONS
from shared.models import FINAL, EventType, JobStatus, Outcome
from tests.chaos.evidence import Evidence
from tests.chaos.rows import Row

BEGINNINGS = {EventType.QUEUED: JobStatus.QUEUED, EventType.PENDING: JobStatus.PENDING}
ENDINGS: dict[str, set[Outcome | None]] = {
    JobStatus.COMPLETED: {Outcome.COMPLETED},
    JobStatus.FAILED: {Outcome.FAILED},
    # One that waited for a retry is cancelled without an attempt.
    JobStatus.CANCELLED: {Outcome.CANCELLED, Outcome.RETRIED, None},
    JobStatus.EXPIRED: {None},
}
LAST_ONLY = {Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED}


def by_job(rows: Iterable[Row]) -> Mapping[int, Sequence[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["job_id"]].append(row)
    return found


def events_form_a_legal_path(evidence: Evidence) -> Iterator[str]:
    events = by_job(evidence.events)
    for job in evidence.jobs:
        told = events[job["id"]]
        numbers = [event["sequence"] for event in told]
        if numbers != list(range(1, job["events"] + 1)):
            yield f"job {job['id']} counts {job['events']} events, and they are numbered {numbers}"
        kinds = [EventType(event["type"]) for event in told]
        if job["status"] not in standing_after(kinds):
            yield f"job {job['id']} is {job['status']} after {' '.join(kinds) or 'nothing'}"
        if [event["attempt"] for event in told] != sorted(event["attempt"] for event in told):
            yield f"job {job['id']}: the attempts of its events go back"
        finals = [kind for kind in kinds if kind.is_final]
        if job["status"] in FINAL and finals != [job["status"]]:
            yield f"job {job['id']} is {job['status']}, and its events say {finals}"


def standing_after(kinds: Sequence[EventType]) -> set[JobStatus]:
    """Where a job of which these events were told may stand; nowhere if they are no path."""
    if not kinds or kinds[0] not in BEGINNINGS:
        return set()
    places = untold({BEGINNINGS[kinds[0]]})
    for kind in kinds[1:]:
        steps = [step for step in TRANSITIONS.values() if step.event == kind and places.intersection(step.sources)]
        places = untold({step.target for step in steps})
    return places


def untold(places: set[JobStatus]) -> set[JobStatus]:
    """With where a job may get from there without an event."""
    while True:
        further = {
            step.target for step in TRANSITIONS.values() if step.event is None and places.intersection(step.sources)
        }
        if further <= places:
            return places
        places = places | further


def attempts_agree(evidence: Evidence) -> Iterator[str]:
    attempts = by_job(evidence.attempts)
    for job in evidence.jobs:
        for found in disagreements(job, attempts[job["id"]]):
            yield f"job {job['id']} ({job['status']}): {found}"


def costly(attempts: Sequence[Row]) -> int:
    """How many were put back at the cost of a try. One that only could not be stored, or whose prompt only waited in
    vain, costs none; but so many waits and no more are free."""
    put_back = [attempt for attempt in attempts if attempt["outcome"] in {Outcome.RETRIED, Outcome.IN_DOUBT}]
    paid = [attempt for attempt in put_back if attempt["error_code"] != StorageUnavailable.code]
    waits = sum(says_only_waited(attempt["error_details"]) for attempt in paid)
    return len(paid) - min(waits, MOST_WAITS)


def disagreements(job: Row, attempts: Sequence[Row]) -> Iterator[str]:
    outcomes = [attempt["outcome"] for attempt in attempts]
    if [attempt["attempt"] for attempt in attempts] != list(range(1, job["attempt"] + 1)):
        yield f"{job['attempt']} attempts are counted, {len(attempts)} are there"
        return
    if job["status"] in FINAL and (outcomes[-1] if outcomes else None) not in ENDINGS[job["status"]]:
        yield f"its last attempt is {outcomes[-1] if outcomes else 'missing'}"
    if None in outcomes and job["status"] in FINAL:
        yield f"an attempt has not ended: {outcomes}"
    if LAST_ONLY.intersection(outcomes[:-1]):
        yield f"an attempt before the last ended it: {outcomes}"
    put_back = costly(attempts)
    if put_back != job["retries"]:
        yield f"{job['retries']} retries are counted, {put_back} attempts were put back"
    # One that ended before it had looked for the prompt of an earlier attempt names that one, and the job its own.
    if job["status"] == JobStatus.COMPLETED and attempts[-1]["comfyui_prompt_id"] != job["comfyui_prompt_id"]:
        yield "it names another prompt than its last attempt"
    earlier: set[str] = set()
    for attempt in attempts:
        if attempt["adopted"] != (attempt["comfyui_prompt_id"] in earlier):
            yield f"attempt {attempt['attempt']} has adopted={attempt['adopted']}, and its prompt tells otherwise"
        earlier.add(attempt["comfyui_prompt_id"])
