"""ComfyUI does the work of a job once; where it did it again, the first was provably lost, and by which fault."""

from collections.abc import Iterator

from shared.models import FINAL, JobStatus
from tests.chaos.attempts_account import by_job
from tests.chaos.evidence import Evidence
from tests.chaos.operator import REPLACED
from tests.chaos.prompts import Prompt, executed, prompts
from tests.chaos.reruns import MARGIN_S, reruns, thread_deaths
from worker_service.fleet.wedge import CANARY

OUT_OF_REACH_S = 20.0  # a cancel gives up on a server that has not answered for half as long
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


def every_execution_is_accounted_for(evidence: Evidence) -> Iterator[str]:
    for job_id, one, after, why in reruns(evidence):
        if why is None:
            yield f"job {job_id} ran as {one.id} on {one.server} and again as {after.id} on {after.server}"
    known, attempts = prompts(evidence), by_job(evidence.attempts)
    ours = {attempt["comfyui_prompt_id"] for attempt in evidence.attempts}
    for prompt in known.values():
        # What waited behind a dead thread is taken out there, and sent elsewhere under another id.
        if prompt.id not in ours and prompt.started and not is_canary(evidence, prompt):
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
