"""Queue and history as one list of jobs; unlike /history it tells unknown, pending and running apart."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from deploy.simulator.endpoints.app_key import SIMULATOR
from deploy.simulator.protocol.job_pages import Job, open_job, past_job, past_status, statuses
from deploy.simulator.protocol.prompt_ids import is_canonical
from deploy.simulator.running.simulator import Simulator

SORTED_BY = {
    "created_at": lambda job: job.get("create_time", 0),
    "execution_duration": lambda job: job.get("execution_end_time", 0) - job.get("execution_start_time", 0),
}


class BadFilterError(ValueError):
    """A query parameter that cannot be meant; the message goes to the client."""


async def list_jobs(request: web.Request) -> web.Response:
    try:
        return web.json_response(_page(request.app[SIMULATOR], request.rel_url.query))
    except BadFilterError as error:
        return web.json_response({"error": str(error)}, status=400)


async def show_job(request: web.Request) -> web.Response:
    prompt_id = request.match_info["prompt_id"]
    simulator = request.app[SIMULATOR]
    protocol = simulator.spoken.protocol
    running, pending = simulator.queue.snapshot()
    for status, items in (("in_progress", running), ("pending", pending)):
        for item in items:
            if item.prompt_id == prompt_id:
                return web.json_response(open_job(item, status, protocol))
    past = simulator.queue.past()
    if prompt_id in past:
        return web.json_response(past_job(past[prompt_id], protocol, in_full=True))
    return web.json_response({"error": "Job not found"}, status=404)


async def cancel_job(request: web.Request) -> web.Response:
    """Waiting or running, it is cancelled; anything else changes nothing."""
    simulator = _newer(request)
    return web.json_response({"cancelled": _cancel(simulator, request.match_info["prompt_id"])})


async def cancel_jobs(request: web.Request) -> web.Response:
    simulator = _newer(request)
    try:
        body: Any = await request.json()
    except json.JSONDecodeError:
        return web.json_response({"error": "Request body must be valid JSON"}, status=400)
    ids = body.get("job_ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        return web.json_response({"error": "job_ids must be a list"}, status=400)
    wrong = [known for known in ids if not isinstance(known, str) or not is_canonical(known)]
    if wrong:
        named = [known if isinstance(known, str) else repr(known) for known in wrong]
        return web.json_response({"error": "job_ids contains invalid id(s)", "invalid_ids": named}, status=400)
    cancelled = [_cancel(simulator, prompt_id) for prompt_id in ids]
    return web.json_response({"cancelled": any(cancelled)})


def _newer(request: web.Request) -> Simulator:
    """Older versions have no such path; what they answer to any POST they do not know is 405."""
    simulator = request.app[SIMULATOR]
    if not simulator.spoken.protocol.cancels_jobs:
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "HEAD"])
    return simulator


def _cancel(simulator: Simulator, prompt_id: str) -> bool:
    running, _ = simulator.queue.snapshot()
    if any(item.prompt_id == prompt_id for item in running):
        simulator.interrupted.set()
        return True
    return simulator.queue.delete(prompt_id)


def _page(simulator: Simulator, query: Mapping[str, str]) -> dict[str, Any]:
    known = statuses(simulator.spoken.protocol)
    wanted = [status.strip().lower() for status in query.get("status", "").split(",") if status.strip()]
    wrong = [status for status in wanted if status not in known]
    if wrong:
        raise BadFilterError(f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(known)}")
    sort_by, order = query.get("sort_by", "created_at"), query.get("sort_order", "desc")
    if sort_by not in SORTED_BY:
        raise BadFilterError("sort_by must be 'created_at' or 'execution_duration'")
    if order not in ("asc", "desc"):
        raise BadFilterError("sort_order must be 'asc' or 'desc'")
    limit = _whole(query, "limit")
    if limit is not None and limit <= 0:
        raise BadFilterError("limit must be a positive integer")
    offset = max(_whole(query, "offset") or 0, 0)
    jobs = list(_jobs(simulator, wanted or known))
    if workflow := query.get("workflow_id"):
        jobs = [job for job in jobs if job.get("workflow_id") == workflow]
    jobs.sort(key=SORTED_BY[sort_by], reverse=order == "desc")
    shown = jobs[offset:] if limit is None else jobs[offset : offset + limit]
    more = offset + len(shown) < len(jobs)
    return {"jobs": shown, "pagination": {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}}


def _whole(query: Mapping[str, str], name: str) -> int | None:
    try:
        return int(query[name]) if name in query else None
    except ValueError as error:
        raise BadFilterError(f"{name} must be an integer") from error


def _jobs(simulator: Simulator, wanted: Iterable[str]) -> Iterable[Job]:
    """Older versions do not look at jobs of other statuses, whatever these hold; newer ones look at all that ended."""
    protocol = simulator.spoken.protocol
    running, pending = simulator.queue.snapshot()
    for status, items in (("in_progress", running), ("pending", pending)):
        if status in wanted:
            yield from (open_job(item, status, protocol) for item in items)
    ended = set(wanted) - {"in_progress", "pending"}
    for entry in simulator.queue.past().values() if ended else ():
        looked_at = past_job(entry, protocol, in_full=False) if protocol.cancels_jobs else None
        if past_status(entry, protocol) in ended:
            yield looked_at or past_job(entry, protocol, in_full=False)
