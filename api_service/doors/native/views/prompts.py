"""A prompt as ComfyUI shows it: in the queue, in the history, and how it ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from api_service.doors.native.views.outputs import shown_outputs
from api_service.prompts.prompt_queries import Prompt
from shared.models import GenerationJob, JobStatus
from shared.workflows.extra_data import extra_data


class Asked(Protocol):
    """What goes along with a prompt."""

    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def extra_pnginfo(self) -> dict[str, Any] | None: ...


Message = tuple[str, dict[str, Any]]


def milliseconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp() * 1000)


def extra_data_of(client_id: str | None, created_at: datetime, asked: Asked | None) -> dict[str, Any]:
    """What came with a prompt, but for what is secret."""
    along = {} if asked is None else extra_data(asked.params, asked.extra_pnginfo)
    client = {} if client_id is None else {"client_id": client_id}
    return {**along, **client, "create_time": milliseconds(created_at)}


def asked(prompt: Prompt, ends: Sequence[str]) -> list[Any]:
    """The prompt as it came: its number, its id, the graph, what came with it, and its output nodes."""
    job, name = prompt.job, prompt.name
    extra = extra_data_of(name.client_id, job.created_at, job)
    return [job.id, prompt.id, job.workflow or {}, extra, list(ends)]


def start_of(prompt: Prompt) -> list[Message]:
    at = milliseconds(prompt.job.started_at or prompt.job.completed_at)
    return [
        ("execution_start", {"prompt_id": prompt.id, "timestamp": at}),
        ("execution_cached", {"nodes": [], "prompt_id": prompt.id, "timestamp": at}),
    ]


def end_of(prompt: Prompt) -> Message:
    """How a prompt ended, as ComfyUI says it of one run."""
    job, at = prompt.job, milliseconds(prompt.job.completed_at)
    if job.status == JobStatus.COMPLETED:
        return "execution_success", {"prompt_id": prompt.id, "timestamp": at}
    node_id, kind = node_of(job)
    at_node = {"prompt_id": prompt.id, "node_id": node_id, "node_type": kind, "executed": []}
    if job.status == JobStatus.CANCELLED:
        return "execution_interrupted", {**at_node, "timestamp": at}
    return "execution_error", {
        **at_node,
        "exception_message": message_of(job),
        "exception_type": str((job.error_details or {}).get("exception_type") or job.error_code or job.status),
        "traceback": [],
        "current_inputs": {},
        "current_outputs": [],
        "timestamp": at,
    }


def node_of(job: GenerationJob) -> tuple[str, str]:
    """The node that failed, and its class; empty where it was none."""
    details = job.error_details or {}
    return str(details.get("node_id") or ""), str(details.get("node_type") or "")


def message_of(job: GenerationJob) -> str:
    if job.status == JobStatus.EXPIRED:
        return "the job was not started before its deadline"
    return job.error_message or "the job failed"


def status_of(prompt: Prompt) -> dict[str, Any]:
    is_good = prompt.job.status == JobStatus.COMPLETED
    messages = [list(message) for message in (*start_of(prompt), end_of(prompt))]
    return {"status_str": "success" if is_good else "error", "completed": is_good, "messages": messages}


def in_history(prompt: Prompt, texts: Mapping[int, Any], ends: Sequence[str]) -> dict[str, Any]:
    """A prompt that has ended."""
    outputs = shown_outputs(prompt.outputs, texts)
    meta = {
        node_id: {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
        for node_id in outputs
    }
    return {"prompt": asked(prompt, ends), "outputs": outputs, "status": status_of(prompt), "meta": meta}
