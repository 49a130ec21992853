"""ComfyUI does the work of a job once; where it did it again, the first was provably lost, and by which fault."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.models import FINAL, JobStatus
from tests.chaos.attempts_account import by_job
from tests.chaos.evidence import Entry, Evidence
from tests.chaos.jobs import JobKind
from tests.chaos.operator import REPLACED
from tests.chaos.schedule import Struck
from worker_service.fleet.wedge import CANARY

MARGIN_S = 1.0  # between the clock of a fault and those of the journal and the rows
OUT_OF_REACH_S = 20.0  # a cancel gives up on a server that has not answered for half as long

ENDED = {
    REPLACED: "a server whose thread had died was restarted",
    "comfyui-kill": "the server ended",
    "comfyui-restart": "the server ended",
    "comfyui-wedge": "the server wedged",
}
FORGOT = {"comfyui-forget": "the server forgot its history"}
SILENT = {
    "comfyui-pause",
    "comfyui-hang",
    "comfyui-kill",
    "comfyui-restart",
    "comfyui-refuse",
    "link-stall",
    "link-cut",
    REPLACED,
}
DAMAGED = {"output_corrupt": "half a file", "output_missing": "a file that was not there"}
DAMAGING = {"comfyui-half-file", "comfyui-no-file", "comfyui-kill", "comfyui-restart"}


@dataclass(frozen=True)
class Prompt:
    """A prompt as its server knew it."""

    id: str
    server: str
    accepted_at: float
    started: Sequence[float]
    finished: Sequence[float]
    outcomes: Sequence[str | None]
    accepted: int


def prompts(evidence: Evidence) -> Mapping[str, Prompt]:
    lines: dict[str, list[Entry]] = defaultdict(list)
    for entry in evidence.journal:
        lines[entry.prompt_id].append(entry)
    return {prompt_id: prompt_of(prompt_id, found) for prompt_id, found in lines.items()}


def prompt_of(prompt_id: str, lines: Sequence[Entry]) -> Prompt:
    finished = [line for line in lines if line.event == "finished"]
    return Prompt(
        prompt_id,
        lines[0].server,
        lines[0].at,
        [line.at for line in lines if line.event == "started"],
        [line.at for line in finished],
        [line.outcome for line in finished],
        sum(line.event == "accepted" for line in lines),
    )


def every_execution_is_accounted_for(evidence: Evidence) -> Iterator[str]:
    for job_id, one, after, why in reruns(evidence):
        if why is None:
            yield f"job {job_id} ran as {one.id} on {one.server} and again as {after.id} on {after.server}"
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    ours = {attempt["comfyui_prompt_id"] for attempt in evidence.attempts}
    for prompt in known.values():
        if prompt.id not in ours and not is_canary(evidence, prompt):
            yield f"prompt {prompt.id} on {prompt.server} belongs to no attempt"
        if prompt.accepted > 1 or len(prompt.started) > 1:
            yield f"prompt {prompt.id} was sent {prompt.accepted} times and started {len(prompt.started)} times"
    for job in evidence.jobs:
        ran = executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]])
        succeeded = [prompt.id for prompt in ran if "success" in prompt.outcomes]
        if job["status"] == JobStatus.COMPLETED and job["comfyui_prompt_id"] not in succeeded:
            yield f"job {job['id']} is completed, and its prompt {job['comfyui_prompt_id']} did not succeed"


def is_canary(evidence: Evidence, prompt: Prompt) -> bool:
    """Whether it is a prompt by which workers see that a server runs again that once had run nothing."""
    kinds = {
        struck.strike.kind for struck in evidence.struck if evidence.servers.get(struck.strike.target) == prompt.server
    }
    is_in_doubt = bool(kinds & (SILENT | {"comfyui-wedge"})) or prompt.server in thread_deaths(evidence)
    return prompt.id.startswith(CANARY) and is_in_doubt


def executed(known: Mapping[str, Prompt], ids: Sequence[str]) -> list[Prompt]:
    """Those of the prompts that were started, in that order."""
    found = [known[prompt_id] for prompt_id in dict.fromkeys(ids) if prompt_id in known and known[prompt_id].started]
    return sorted(found, key=lambda prompt: prompt.started[0])


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


def nothing_runs_after_its_end(evidence: Evidence) -> Iterator[str]:
    """No prompt starts after its job has ended, and a cancelled one is over by then, if its server could tell."""
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    for job in evidence.jobs:
        if job["status"] not in FINAL or job["completed_at"] is None:
            continue
        end = job["completed_at"]
        for prompt in executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]]):
            if prompt.started[-1] > end + MARGIN_S:
                yield f"job {job['id']} is {job['status']}, and its prompt {prompt.id} started after that"
            late = [moment - end for moment in prompt.finished if moment > end + MARGIN_S]
            if late and job["status"] == JobStatus.CANCELLED and not silent(evidence, prompt.server, end):
                yield f"job {job['id']} is cancelled, and its prompt {prompt.id} ran for {late[-1]:.1f} s after that"


def silent(evidence: Evidence, server: str, moment: float) -> bool:
    """Whether a fault kept the server from telling what it was doing."""
    return any(
        struck.strike.kind in SILENT
        and evidence.servers.get(struck.strike.target) == server
        and struck.began_at - MARGIN_S <= moment <= struck.ended_at + OUT_OF_REACH_S
        for struck in evidence.struck
    )


def nothing_is_left_on_a_server(evidence: Evidence) -> Iterator[str]:
    for server, left in evidence.left.items():
        for prompt_id in left:
            yield f"prompt {prompt_id} is still queued or running on {server}"
