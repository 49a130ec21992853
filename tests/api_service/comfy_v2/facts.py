"""What the contract says of answers, as facts in a table of our own: statuses, codes, and which fields must be there.

Every answer of `/api/v2` in the tests is held to it, also where the contract itself is not at hand. What is ours beyond
the contract stands apart, each with its reason.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

JOBS, ASSETS = "/api/v2/jobs", "/api/v2/assets"
REFUSING = (401, 403, 500)


class Fact(NamedTuple):
    """An operation: what it answers with when all is well, and the other statuses it may have."""

    name: str
    method: str
    path: str
    good: Mapping[int, str | None]
    refusals: Sequence[int]


FACTS = (
    Fact("postAssets", "POST", ASSETS, {201: "Asset", 200: "Asset"}, (*REFUSING, 409, 422)),
    Fact("assetFromHash", "POST", f"{ASSETS}/from-hash", {201: "Asset", 200: "Asset"}, (*REFUSING, 404)),
    Fact("headAssetByHash", "HEAD", f"{ASSETS}/by-hash/[^/]+", {200: None}, (401, 404, 500)),
    Fact("getAsset", "GET", f"{ASSETS}/[^/]+", {200: "Asset"}, (*REFUSING, 404)),
    Fact("deleteAsset", "DELETE", f"{ASSETS}/[^/]+", {204: None}, (*REFUSING, 404, 409)),
    Fact("getAssetContent", "GET", f"{ASSETS}/[^/]+/content", {200: None, 206: None}, (*REFUSING, 404, 416)),
    Fact("postJobs", "POST", JOBS, {201: "Job"}, (*REFUSING, 422, 429)),
    Fact("listJobs", "GET", JOBS, {200: "Jobs"}, (*REFUSING, 400)),
    Fact("getJob", "GET", f"{JOBS}/[^/]+", {200: "Job"}, (*REFUSING, 404, 429)),
    Fact("getJobWorkflow", "GET", f"{JOBS}/[^/]+/workflow", {200: "Workflow"}, (*REFUSING, 404, 429)),
    Fact("getJobEvents", "GET", f"{JOBS}/[^/]+/events", {200: "Events"}, (*REFUSING, 404, 429, 501)),
    Fact("cancelJob", "POST", f"{JOBS}/[^/]+/cancel", {200: "Job"}, (*REFUSING, 404, 429)),
)
CODES = {
    401: {"unauthorized"},
    403: {"forbidden"},
    404: {"not_found", "blob_not_found"},
    409: {"hash_mismatch", "asset_in_use"},
    422: {"invalid_workflow", "workflow_format_ui", "missing_asset", "idempotency_key_reuse", "metadata_invalid"},
    429: {"queue_full", "rate_limited", "too_many_streams"},
    500: {"upstream_error"},
}
# Of ours: a wrong request for which the contract has no word; a page of a list; a browser that has the file already; a
# body that is too large; and a limit of requests and a scope of a key, which hold for each operation.
OUR_CODES = {
    400: {"invalid_cursor", "invalid_metadata_filter", "invalid_request"},
    405: {"invalid_request"},
    413: {"invalid_request"},
    416: {"invalid_request"},
    422: {"invalid_request"},
}
OURS = (400, 403, 405, 413, 422, 429)
NOT_MODIFIED = 304

STATUSES = ("queued", "running", "succeeded", "canceling", "canceled", "failed", "expired")
KINDS = ("image", "video", "audio", "text", "file", "latent")
TEXT, NUMBER, WHOLE, MOMENT, ADDRESS = "text", "number", "whole", "moment", "address"
# The fields that must be there; "?" stands behind those that may be null, and `+` before those that may be left out.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "Asset": {
        "id": TEXT,
        "hash?": TEXT,
        "size_bytes": WHOLE,
        "content_type": TEXT,
        "created_at": MOMENT,
        "url": ADDRESS,
        "url_expires_at": MOMENT,
        "+file_path?": TEXT,
        "+created_new": bool,
        "+expires_at?": MOMENT,
        "+job_id?": TEXT,
    },
    "Job": {
        "id": TEXT,
        "status": STATUSES,
        "created_at": MOMENT,
        "started_at?": MOMENT,
        "completed_at?": MOMENT,
        "expires_at": MOMENT,
        "queue_position?": WHOLE,
        "progress?": "Progress",
        "outputs": ["Output"],
        "error?": "JobError",
        "urls": "JobUrls",
        "+metrics": dict,
        "+metadata": dict,
    },
    "Jobs": {"jobs": ["ListedJob"], "+next_cursor": TEXT},
    "ListedJob": {
        "id": TEXT,
        "status": STATUSES,
        "create_time": MOMENT,
        "update_time": MOMENT,
        "deployment_id?": TEXT,
        "metadata": dict,
    },
    "Workflow": {"workflow": dict, "format": ("save", "api")},
    "JobUrls": {"self": TEXT, "events": TEXT, "cancel": TEXT},
    "JobError": {"code": TEXT, "message": TEXT, "+node_id?": TEXT, "+class_type?": TEXT, "+traceback?": TEXT},
    "Output": {
        "node_id": TEXT,
        "name": TEXT,
        "type": KINDS,
        "content_type": TEXT,
        "size_bytes": WHOLE,
        "id": TEXT,
        "hash?": TEXT,
        "url": ADDRESS,
        "url_expires_at": MOMENT,
        "+job_id?": TEXT,
    },
    "Progress": {
        "value": NUMBER,
        "nodes_done": WHOLE,
        "nodes_total": WHOLE,
        "+current_node?": TEXT,
        "+step?": WHOLE,
        "+current_node_class?": TEXT,
        "+steps?": WHOLE,
        "+message?": TEXT,
    },
    "Envelope": {"error": "Error"},
    "Error": {"code": TEXT, "message": TEXT, "+details?": dict},
    "status": {"status": STATUSES, "+queue_position?": WHOLE},
    "preview": {"node_id": TEXT, "content_type": TEXT, "data_base64": TEXT},
}
EVENTS = {"status": "status", "progress": "Progress", "preview": "preview", "output": "Output"}


class Unlike(AssertionError):
    """An answer is not as the contract has it."""


def hold(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Hold a whole answer to the facts. Raises Unlike."""
    wrong = [*what_is_wrong(method, path, status, headers, body)]
    if wrong:
        raise Unlike(f"{method} {path} answered {status}: {'; '.join(wrong)}: {body[:500]!r}")


def what_is_wrong(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Iterator[str]:
    if path == "/api/v2/openapi.json":
        return
    fact = fact_of(method, path)
    if status >= 400:
        yield from wrong_refusal(fact, status, headers, None if method == "HEAD" else body)
        return
    if fact is None or status not in fact.good:
        if not (fact and fact.name == "getAssetContent" and status == NOT_MODIFIED):
            yield "no such answer"
        return
    form = None if method == "HEAD" else fact.good[status]
    if form == "Events":
        yield from wrong_events(body.decode())
    elif form is not None:
        yield from wrong_fields(json.loads(body), form, form)


def fact_of(method: str, path: str) -> Fact | None:
    """The operation; of several that a path fits, the one that says most of it. A HEAD may be that of a GET."""
    for asked in (method, "GET") if method == "HEAD" else (method,):
        found = [one for one in FACTS if one.method == asked and re.fullmatch(one.path, path.removesuffix("/"))]
        if found:
            return min(found, key=lambda one: one.path.count("["))
    return None


def wrong_refusal(fact: Fact | None, status: int, headers: Mapping[str, str], body: bytes | None) -> Iterator[str]:
    allowed = (404, 405, *REFUSING) if fact is None else (*fact.refusals, *OURS)
    if status not in allowed:
        yield "it is not refused so"
    if status == 429 and not headers.get("retry-after", "").isdecimal():
        yield "it does not say when to try again"
    if body is None:
        return
    content = json.loads(body)
    wrong = [*wrong_fields(content, "Envelope", "")]
    yield from wrong
    known = CODES.get(status, set()) | OUR_CODES.get(status, set())
    if not wrong and content["error"]["code"] not in known:
        yield f"{content['error']['code']!r} is no code of {status}"


def wrong_events(text: str) -> Iterator[str]:
    for frame in filter(None, text.split("\n\n")):
        if frame.startswith(":"):
            continue
        fields = dict(line.partition(": ")[::2] for line in frame.split("\n"))
        if fields.keys() != {"event", "data"} or fields["event"] not in EVENTS:
            yield f"no such event: {frame[:80]!r}"
        else:
            yield from wrong_fields(json.loads(fields["data"]), EVENTS[fields["event"]], fields["event"])


def wrong_fields(value: Any, form: str, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    for name, kind in FIELDS[form].items():
        plain = name.strip("+?")
        if plain not in value:
            if not name.startswith("+"):
                yield f"{where}.{plain} is missing"
        elif value[plain] is None:
            if not name.endswith("?"):
                yield f"{where}.{plain} is null"
        else:
            yield from wrong_value(value[plain], kind, f"{where}.{plain}")


def wrong_value(value: Any, kind: Any, where: str) -> Iterator[str]:
    match kind:
        case [form]:
            for number, one in enumerate(value if isinstance(value, list) else [value]):
                yield from wrong_fields(one, form, f"{where}[{number}]")
        case tuple():
            if value not in kind:
                yield f"{where} is {value!r}"
        case str() if kind in FIELDS:
            yield from wrong_fields(value, kind, where)
        case _ if not suits(value, kind):
            yield f"{where} is {value!r}"


def suits(value: Any, kind: Any) -> bool:
    if kind in {WHOLE, NUMBER}:
        return isinstance(value, int if kind == WHOLE else int | float) and not isinstance(value, bool)
    if isinstance(kind, type):
        return isinstance(value, kind)
    if not isinstance(value, str):
        return False
    if kind == MOMENT:
        return datetime.fromisoformat(value).tzinfo is not None
    return kind != ADDRESS or bool(urlsplit(value).scheme and urlsplit(value).netloc)
