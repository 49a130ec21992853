"""A prompt as /api/jobs shows it, waiting or over."""

from collections.abc import Mapping
from typing import Any

from deploy.simulator.protocol.job_outputs import newer_summary, older_summary, tidied
from deploy.simulator.protocol.versions import Protocol

STATUSES = ("pending", "in_progress", "completed", "failed")
BEGINNINGS = ("execution_start", "execution_cached")

Job = dict[str, Any]
Row = tuple[Any, ...]  # number, prompt_id, prompt, extra_data, outputs


def statuses(protocol: Protocol) -> tuple[str, ...]:
    return (*STATUSES, "cancelled") if protocol.cancels_jobs else STATUSES


def open_job(row: Row, status: str, protocol: Protocol) -> Job:
    job = {**_head(row, status), "outputs_count": 0, "workflow_id": _workflow_id(row)}
    if protocol.counts_previewable:
        job["previewable_outputs_count"] = 0
    return _without_nothing(job)


def past_job(entry: Mapping[str, Any], protocol: Protocol, *, in_full: bool) -> Job:
    row, status, outputs = entry["prompt"], entry["status"], entry["outputs"]
    messages = dict(status["messages"])
    ends = [facts["timestamp"] for name, facts in status["messages"] if name not in BEGINNINGS]
    job = {
        **_head(row, past_status(entry, protocol)),
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": ends[-1] if ends else None,
        "execution_error": messages.get("execution_error"),
        **(newer_summary(outputs) if protocol.counts_previewable else older_summary(outputs)),
        "workflow_id": _workflow_id(row),
    }
    if in_full:
        job["outputs"] = tidied(outputs) if protocol.counts_previewable else outputs
        job["execution_status"] = status
        job["workflow"] = {"prompt": row[2], "extra_data": row[3]}
    return _without_nothing(job)


def past_status(entry: Mapping[str, Any], protocol: Protocol) -> str:
    if entry["status"]["status_str"] == "success":
        return "completed"
    interrupted = any(name == "execution_interrupted" for name, _ in entry["status"]["messages"])
    return "cancelled" if interrupted and protocol.cancels_jobs else "failed"


def _head(row: Row, status: str) -> Job:
    return {"id": row[1], "status": status, "priority": row[0], "create_time": row[3].get("create_time")}


def _workflow_id(row: Row) -> Any:
    """Trusts clients to send objects: one that did not makes the whole list fail, for everybody."""
    return row[3].get("extra_pnginfo", {}).get("workflow", {}).get("id")


def _without_nothing(job: Job) -> Job:
    return {name: value for name, value in job.items() if value is not None}
