"""A prompt as ComfyUI's `/jobs` shows it."""

from collections.abc import Mapping
from typing import Any

from api_service.doors.native.views.outputs import is_text, shown_file, shown_outputs
from api_service.doors.native.views.prompts import end_of, extra_data_of, milliseconds, status_of
from api_service.prompts.prompt_queries import Prompt, is_running
from shared.models import FINAL, GenerationJob, JobStatus, OutputKind

STATUSES: Mapping[JobStatus, str] = {
    JobStatus.COMPLETED: "completed",
    JobStatus.FAILED: "failed",
    JobStatus.EXPIRED: "failed",
    JobStatus.CANCELLED: "cancelled",
}
PREVIEWABLE = {OutputKind.IMAGE, OutputKind.ANIMATION, OutputKind.VIDEO, OutputKind.AUDIO}
ALL = ("pending", "in_progress", "completed", "failed", "cancelled")


def workflow_id_of(job: GenerationJob) -> str | None:
    workflow = (job.extra_pnginfo or {}).get("workflow")
    found = workflow.get("id") if isinstance(workflow, dict) else None
    return found if isinstance(found, str) else None


def status_word(prompt: Prompt) -> str:
    return STATUSES.get(prompt.job.status) or ("in_progress" if is_running(prompt.job) else "pending")


def listed(prompt: Prompt) -> dict[str, Any]:
    job = prompt.job
    found: dict[str, Any] = {
        "id": prompt.id,
        "status": status_word(prompt),
        "priority": job.id,
        "create_time": milliseconds(job.created_at),
    }
    if job.status in FINAL:
        found["execution_start_time"] = milliseconds(job.started_at or job.completed_at)
        found["execution_end_time"] = milliseconds(job.completed_at)
    if job.status in FINAL and job.status not in {JobStatus.COMPLETED, JobStatus.CANCELLED}:
        found["execution_error"] = end_of(prompt)[1]
    found["outputs_count"] = len(prompt.outputs)
    found["previewable_outputs_count"] = sum(output.kind in PREVIEWABLE for output in prompt.outputs)
    if first := next((one for one in prompt.outputs if not is_text(one)), None):
        found["preview_output"] = {**shown_file(first), "nodeId": first.node_id, "mediaType": first.key or "images"}
    if workflow_id := workflow_id_of(job):
        found["workflow_id"] = workflow_id
    return found


def in_full(prompt: Prompt, texts: Mapping[int, Any]) -> dict[str, Any]:
    job = prompt.job
    found = listed(prompt)
    if job.status not in FINAL:
        return found
    found |= {"outputs": shown_outputs(prompt.outputs, texts), "execution_status": status_of(prompt)}
    extra = extra_data_of(prompt.name.client_id, job.created_at, job)
    return {**found, "workflow": {"prompt": job.workflow or {}, "extra_data": extra}}
