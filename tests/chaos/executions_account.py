"""ComfyUI does the work of a job once; where it did it again, the first was provably lost, and by which fault."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.models import FINAL, JobStatus
from tests.chaos.attempts_account import by_job
from tests.chaos.evidence import Entry, Evidence
from tests.chaos.schedule import Struck
from worker_service.fleet.wedge import CANARY

MARGIN_S = 1.0  # between the clock of a fault and those of the journal and the rows
OUT_OF_REACH_S = 20.0  # a cancel gives up on a server that has not answered for half as long

ENDED = {
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
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    ours = {attempt["comfyui_prompt_id"] for attempt in evidence.attempts}
    for prompt in known.values():
        if prompt.id not in ours and not is_canary(evidence, prompt):
            yield f"prompt {prompt.id} on {prompt.server} belongs to no attempt"
        if prompt.accepted > 1 or len(prompt.started) > 1:
            yield f"prompt {prompt.id} was sent {prompt.accepted} times and started {len(prompt.started)} times"
    for job in evidence.jobs:
        ran = executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]])
        for one, after in itertools.pairwise(ran):
            if cause(evidence, one, after) is None:
                yield f"job {job['id']} ran as {one.id} on {one.server} and again as {after.id} on {after.server}"
        succeeded = [prompt.id for prompt in ran if "success" in prompt.outcomes]
        if job["status"] == JobStatus.COMPLETED and job["comfyui_prompt_id"] not in succeeded:
            yield f"job {job['id']} is completed, and its prompt {job['comfyui_prompt_id']} did not succeed"


def is_canary(evidence: Evidence, prompt: Prompt) -> bool:
    """Whether it is a prompt by which workers see that a server runs again that once had run nothing."""
    kinds = {
        struck.strike.kind for struck in evidence.struck if evidence.servers.get(struck.strike.target) == prompt.server
    }
    return prompt.id.startswith(CANARY) and bool(kinds & (SILENT | {"comfyui-wedge"}))


def executed(known: Mapping[str, Prompt], ids: Sequence[str]) -> list[Prompt]:
    """Those of the prompts that were started, in that order."""
    found = [known[prompt_id] for prompt_id in dict.fromkeys(ids) if prompt_id in known and known[prompt_id].started]
    return sorted(found, key=lambda prompt: prompt.started[0])


def causes(evidence: Evidence) -> Counter[str]:
    """Why jobs were run again, and how often."""
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    found: Counter[str] = Counter()
    for job in evidence.jobs:
        ran = executed(known, [attempt["comfyui_prompt_id"] for attempt in attempts[job["id"]]])
        pairs = itertools.pairwise(ran)
        found.update(cause(evidence, one, after) or "NOT ACCOUNTED FOR" for one, after in pairs)
    return found


def cause(evidence: Evidence, one: Prompt, after: Prompt) -> str | None:
    """By which fault the first of two executions was lost, so that there had to be a second; None if it was not."""
    for struck in evidence.struck:
        kind = struck.strike.kind
        if evidence.servers.get(struck.strike.target) != one.server:
            continue
        if one.accepted_at - MARGIN_S <= struck.ended_at and struck.began_at <= after.accepted_at:
            if kind in ENDED | FORGOT:
                return (ENDED | FORGOT)[kind]
            if kind == "comfyui-interrupt" and "interrupted" in one.outcomes and near(struck, one.finished):
                return "somebody interrupted it"
        if kind in DAMAGING and struck.began_at - MARGIN_S <= after.accepted_at:
            for attempt in evidence.attempts:
                if attempt["comfyui_prompt_id"] == one.id and attempt["error_code"] in DAMAGED:
                    return DAMAGED[attempt["error_code"]]
    return None


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
