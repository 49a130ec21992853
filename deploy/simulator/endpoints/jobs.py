"""Queue and history as one list of jobs; unlike /history it tells unknown, pending and running apart."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.running.prompt_queue import Item, PromptQueue

STATUSES = ("pending", "in_progress", "completed", "failed")
SORTED_BY = {
    "created_at": lambda job: job.get("create_time", 0),
    "execution_duration": lambda job: job.get("execution_end_time", 0) - job.get("execution_start_time", 0),
}
BEGINNINGS = ("execution_start", "execution_cached")
VIEWABLE = frozenset({"images", "video", "audio"})

Job = dict[str, Any]


class BadFilterError(ValueError):
    """A query parameter that cannot be meant; the message goes to the client."""


async def list_jobs(request: web.Request) -> web.Response:
    try:
        return web.json_response(_page(request.app[SIMULATOR].queue, request.rel_url.query))
    except BadFilterError as error:
        return web.json_response({"error": str(error)}, status=400)


async def show_job(request: web.Request) -> web.Response:
    prompt_id = request.match_info["prompt_id"]
    queue = request.app[SIMULATOR].queue
    running, pending = queue.snapshot()
    for status, items in (("in_progress", running), ("pending", pending)):
        for item in items:
            if item.prompt_id == prompt_id:
                return web.json_response(_open_job(item, status))
    past = queue.past()
    if prompt_id in past:
        return web.json_response(_past_job(past[prompt_id], in_full=True))
    return web.json_response({"error": "Job not found"}, status=404)


def _page(queue: PromptQueue, query: Mapping[str, str]) -> dict[str, Any]:
    statuses = [status.strip().lower() for status in query.get("status", "").split(",") if status.strip()]
    wrong = [status for status in statuses if status not in STATUSES]
    if wrong:
        raise BadFilterError(f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(STATUSES)}")
    sort_by, order = query.get("sort_by", "created_at"), query.get("sort_order", "desc")
    if sort_by not in SORTED_BY:
        raise BadFilterError("sort_by must be 'created_at' or 'execution_duration'")
    if order not in ("asc", "desc"):
        raise BadFilterError("sort_order must be 'asc' or 'desc'")
    limit = _whole(query, "limit")
    if limit is not None and limit <= 0:
        raise BadFilterError("limit must be a positive integer")
    offset = max(_whole(query, "offset") or 0, 0)
    jobs = list(_jobs(queue, statuses or STATUSES))
    if wanted := query.get("workflow_id"):
        jobs = [job for job in jobs if job.get("workflow_id") == wanted]
    jobs.sort(key=SORTED_BY[sort_by], reverse=order == "desc")
    shown = jobs[offset:] if limit is None else jobs[offset : offset + limit]
    more = offset + len(shown) < len(jobs)
    return {"jobs": shown, "pagination": {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}}


def _whole(query: Mapping[str, str], name: str) -> int | None:
    try:
        return int(query[name]) if name in query else None
    except ValueError as error:
        raise BadFilterError(f"{name} must be an integer") from error


def _jobs(queue: PromptQueue, wanted: Container[str]) -> Iterable[Job]:
    """Jobs of other statuses are not looked at, whatever they hold."""
    running, pending = queue.snapshot()
    for status, items in (("in_progress", running), ("pending", pending)):
        if status in wanted:
            yield from (_open_job(item, status) for item in items)
    for entry in queue.past().values():
        if _past_status(entry) in wanted:
            yield _past_job(entry, in_full=False)


def _open_job(item: Item, status: str) -> Job:
    return _without_nothing({**_head(item, status), "outputs_count": 0, "workflow_id": _workflow_id(item)})


def _past_job(entry: Mapping[str, Any], *, in_full: bool) -> Job:
    item: Item = entry["prompt"]
    status, outputs = entry["status"], entry["outputs"]
    messages = dict(status["messages"])
    ends = [facts["timestamp"] for name, facts in status["messages"] if name not in BEGINNINGS]
    count, preview = _summary(outputs)
    job = {
        **_head(item, _past_status(entry)),
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": ends[-1] if ends else None,
        "execution_error": messages.get("execution_error"),
        "outputs_count": count,
        "preview_output": preview,
        "workflow_id": _workflow_id(item),
    }
    if in_full:
        job["outputs"] = outputs
        job["execution_status"] = status
        job["workflow"] = {"prompt": item.prompt, "extra_data": item.extra_data}
    return _without_nothing(job)


def _past_status(entry: Mapping[str, Any]) -> str:
    return "completed" if entry["status"]["status_str"] == "success" else "failed"


def _head(item: Item, status: str) -> Job:
    create_time = item.extra_data.get("create_time")
    return {"id": item.prompt_id, "status": status, "priority": item.number, "create_time": create_time}


def _workflow_id(item: Item) -> Any:
    """Trusts clients to send objects: one that did not makes the whole list fail, for everybody."""
    return item.extra_data.get("extra_pnginfo", {}).get("workflow", {}).get("id")


def _summary(outputs: Mapping[str, Any]) -> tuple[int, Job | None]:
    """How many things came out, and one to show: a saved file rather than a temporary one."""
    count, previews = 0, []
    for node_id, shown in outputs.items():
        for media_type, things in shown.items():
            if media_type == "animated":
                continue
            count += len(things)
            if media_type in VIEWABLE:
                previews += [{**thing, "nodeId": node_id, "mediaType": media_type} for thing in things]
    saved = [preview for preview in previews if preview["type"] == "output"]
    return count, next(iter(saved or previews), None)


def _without_nothing(job: Job) -> Job:
    return {name: value for name, value in job.items() if value is not None}
