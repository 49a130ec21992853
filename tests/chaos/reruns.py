"""Jobs that were run again, and why that could not be avoided: the first execution was provably lost."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.chaos.attempts_account import by_job
from tests.chaos.content import EVERYTHING
from tests.chaos.evidence import Evidence
from tests.chaos.jobs import JobKind
from tests.chaos.operator import REPLACED
from tests.chaos.prompts import Prompt, executed, prompts
from tests.chaos.rows import Row
from tests.chaos.schedule import Struck

MARGIN_S = 1.0  # between the clock of a fault and those of the journal and the rows

ENDED = {
    REPLACED: "a server whose thread had died was restarted",
    "comfyui-kill": "the server ended",
    "comfyui-restart": "the server ended",
    "comfyui-wedge": "the server wedged",
}
FORGOT = {"comfyui-forget": "the server forgot its history"}
DAMAGED = {"output_corrupt": "half a file", "output_missing": "a file that was not there"}
DAMAGING = {"comfyui-half-file", "comfyui-no-file", "comfyui-kill", "comfyui-restart"}


class Rerun(NamedTuple):
    """A job that was run again, and why that could not be avoided; None if it could."""

    job_id: int
    one: Prompt
    after: Prompt
    why: str | None


def reruns(evidence: Evidence) -> Iterator[Rerun]:
    """Each second execution, by job."""
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    for job in evidence.jobs:
        ran = executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]])
        for one, after in itertools.pairwise(ran):
            yield Rerun(job["id"], one, after, cause(evidence, one, after))


def unstored(evidence: Evidence, one: Prompt) -> str:
    """Why a prompt that had finished was of no use."""
    if "success" not in one.outcomes:
        return ""
    outcomes = {attempt["outcome"] for attempt in evidence.attempts if attempt["comfyui_prompt_id"] == one.id}
    if "expired" in outcomes:
        return ", after it had finished: its worker had died before the outputs were stored"
    return ", after it had finished and before its outputs were stored"


def cause(evidence: Evidence, one: Prompt, after: Prompt) -> str | None:
    """By which fault the first of two executions was lost, so that there had to be a second; None if it was not."""
    if lost_its_thread(evidence, one, after):
        return "a node had ended the server's thread"
    damage = next((each for each in evidence.attempts if each["comfyui_prompt_id"] == one.id), None)
    if damage and damage["error_code"] in DAMAGED and leaves_damage(evidence, damage["job_id"]):
        return "its own output could not be read"
    return of_fault(evidence, one, after)


def of_fault(evidence: Evidence, one: Prompt, after: Prompt) -> str | None:
    for struck in evidence.struck:
        kind = struck.strike.kind
        if evidence.servers.get(struck.strike.target) != one.server:
            continue
        if one.accepted_at - MARGIN_S <= struck.ended_at and struck.began_at <= after.accepted_at:
            if kind in ENDED | FORGOT:
                return f"{(ENDED | FORGOT)[kind]}{unstored(evidence, one)}"
            if kind == "comfyui-interrupt" and "interrupted" in one.outcomes and near(struck, one.finished):
                return "somebody interrupted it"
        if kind in DAMAGING and struck.began_at - MARGIN_S <= after.accepted_at:
            for attempt in evidence.attempts:
                if attempt["comfyui_prompt_id"] == one.id and attempt["error_code"] in DAMAGED:
                    return DAMAGED[attempt["error_code"]]
    return None


def thread_deaths(evidence: Evidence) -> Mapping[str, Sequence[float]]:
    """When prompts whose node ends a server's thread began, by server."""
    deadly = {
        submission.ordered.number for submission in evidence.submissions if submission.ordered.kind is JobKind.DEADLY
    }
    ids = {
        attempt["comfyui_prompt_id"]
        for attempt in evidence.attempts
        if evidence.numbers.get(attempt["job_id"]) in deadly
    }
    found: dict[str, list[float]] = defaultdict(list)
    for entry in evidence.journal:
        if entry.event == "started" and entry.prompt_id in ids:
            found[entry.server].append(entry.at)
    return found


def leaves_damage(evidence: Evidence, job_id: int) -> bool:
    """Whether the job's node leaves an output that cannot be read."""
    number = evidence.numbers.get(job_id)
    contents = {submission.ordered.number: submission.ordered.content for submission in evidence.submissions}
    content = None if number is None else contents.get(number)
    return content is not None and EVERYTHING[content].leaves_damage


def was_damaged_again(evidence: Evidence, job: Row) -> bool:
    """Whether a fault struck the last run of a job whose own damage had cost it the first: what is bad then is left out
    with a warning, as there is no third."""
    last = by_job(evidence.attempts)[job["id"]][-1]
    return leaves_damage(evidence, job["id"]) and any(
        struck.strike.kind in DAMAGING
        and evidence.servers.get(struck.strike.target) == last["server"]
        and struck.began_at - MARGIN_S <= last["ended_at"]
        and struck.ended_at + MARGIN_S >= last["started_at"]
        for struck in evidence.struck
    )


def lost_its_thread(evidence: Evidence, one: Prompt, after: Prompt) -> bool:
    """Whether the first of two executions was on a server whose thread a node had ended, or ended it itself."""
    if "success" in one.outcomes:
        return False
    restarts = [
        struck.ended_at
        for struck in evidence.struck
        if struck.strike.kind in ENDED and evidence.servers.get(struck.strike.target) == one.server
    ]
    for died_at in thread_deaths(evidence).get(one.server, ()):
        back_at = min((moment for moment in restarts if moment > died_at), default=math.inf)
        if one.accepted_at - MARGIN_S <= back_at and died_at <= after.accepted_at:
            return True
    return False


def near(struck: Struck, moments: Sequence[float]) -> bool:
    return any(struck.began_at - MARGIN_S <= moment <= struck.began_at + 2 * MARGIN_S for moment in moments)
