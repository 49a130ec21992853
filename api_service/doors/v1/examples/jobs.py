"""Jobs as they are asked for, accepted, shown, listed and changed. Requests work as they are while `make up` runs."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.jobs.bodies import BatchBody, JobBody, RetryBody
from api_service.doors.v1.jobs.changes import AmendBody, CancelBody, CancelledView, MoveBody
from api_service.doors.v1.jobs.detail_views import DetailedJobView
from api_service.doors.v1.jobs.job_views import JobView
from api_service.doors.v1.jobs.list_views import JobPage
from api_service.doors.v1.jobs.submission_views import AcceptedJobView, BatchView, ValidView
from api_service.jobs.statistics import StatisticsView

USER = "0b0a1c52-4c1e-4f0e-9c63-0d5f1a2b3c4d"
BATCH = "7a1f9a44-93a1-4d7a-8a55-1f0c3e5d7b90"
PROMPT_ID = "9c2b7a6d-1e0f-4a3b-8c7d-6e5f4a3b2c1d"
CHECKPOINT = "random_sd15.safetensors"
LORA = {"name": "random_lora.safetensors", "strength_model": 0.8, "strength_clip": 0.8}
SAMPLING = {
    "seed": 1234,
    "steps": 20,
    "cfg": 5.5,
    "sampler_name": "euler",
    "scheduler": "normal",
    "denoise": 1.0,
}
LINKS = {
    "self": "/api/v1/generation-jobs/42",
    "cancel": "/api/v1/generation-jobs/42/cancel",
    "events": "/ws/jobs/42",
}
FILES = "https://generation.example.com/api/v1/generation-jobs/42"
SIGNED = "expires=1767273300&signature=qJ3b0nNw4Xq2yK6mE1sVtR7uP5cZ8aLdQxGhWg"
OUTPUT = {
    "id": "out_aaaaaaaaaaaaaaaa",
    "number": 0,
    "kind": "image",
    "node_id": "save",
    "node_class": "SaveImage",
    "node_title": None,
    "key": "images",
    "type": "output",
    "server_filename": "genonaut-9c2b7a6d-1e0f-4a3b-8c7d-6e5f4a3b2c1d_00001_.png",
    "filename": "job-42-0.png",
    "media_type": "image/png",
    "size_bytes": 412345,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "width": 512,
    "height": 512,
    "duration_ms": None,
    "url": f"{FILES}/outputs/0?{SIGNED}",
    "url_expires_at": "2026-01-01T13:15:00Z",
    "thumbnails": {"300": f"{FILES}/thumbnails/0?size=300&{SIGNED}"},
    "thumbnail_note": None,
}
QUEUED: dict[str, Any] = {
    "id": 42,
    "user_id": USER,
    "job_type": "image",
    "status": "queued",
    "prompt": "a lighthouse above a stormy sea at dusk",
    "negative_prompt": "blurry",
    "checkpoint_model": CHECKPOINT,
    "lora_models": [LORA],
    "width": 512,
    "height": 512,
    "batch_size": 1,
    "sampler_params": SAMPLING,
    "params": {"clip_skip": 1, "vae_name": None, "previews": False},
    "message_id": "6f1d1a8e-6c1c-4f5e-8a3b-1f2e3d4c5b6a",
    "comfyui_prompt_id": None,
    "attempt": 0,
    "retries": 0,
    "run_after": "2026-01-01T12:00:00Z",
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:00Z",
    "started_at": None,
    "completed_at": None,
    "content_id": None,
    "priority": 5,
    "pinned": False,
    "metadata": {"shot": "12"},
    "deadline_at": None,
    "max_attempts": None,
    "batch_id": None,
    "schedule_id": None,
    "parent_id": None,
    "workflow": None,
    "assets": None,
    "output_nodes": None,
    "temp_outputs": True,
    "requires": None,
    "error": None,
    "failure": None,
    "outputs": [],
    "warnings": [],
    "legacy": None,
    "links": LINKS,
}
COMPLETED: dict[str, Any] = {
    **QUEUED,
    "status": "completed",
    "comfyui_prompt_id": PROMPT_ID,
    "attempt": 1,
    "updated_at": "2026-01-01T12:00:07Z",
    "started_at": "2026-01-01T12:00:00.050Z",
    "completed_at": "2026-01-01T12:00:07Z",
    "outputs": [OUTPUT],
}
DETAILED: dict[str, Any] = {
    **COMPLETED,
    "queue": None,
    "paused": None,
    "waits_for": None,
    "estimate": {
        **dict.fromkeys(("starts_at", "ends_at", "starts_at_p90", "ends_at_p90", "basis")),
        "samples": 0,
    },
    "progress": None,
    "attempts": [
        {
            "attempt": 1,
            "worker": "gpu-box:4711:a1b2c3d4",
            "server": "http://gpu-1:8188",
            "comfyui_prompt_id": PROMPT_ID,
            "adopted": False,
            "started_at": "2026-01-01T12:00:00.050Z",
            "ended_at": "2026-01-01T12:00:07Z",
            "outcome": "completed",
            "error": None,
        }
    ],
    "timings": {"queued_ms": 50, "running_ms": 6700, "stored_ms": 250},
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}
LISTED_FIELDS = (
    *("id", "user_id", "job_type", "status", "prompt", "checkpoint_model", "width", "height", "batch_size", "priority"),
    *(
        "pinned",
        "metadata",
        "batch_id",
        "schedule_id",
        "parent_id",
        "created_at",
        "updated_at",
        "started_at",
        "completed_at",
        "error",
        "links",
    ),
)
URLS = ("url", "url_expires_at", "thumbnails")
LISTED: dict[str, Any] = {
    **{name: COMPLETED[name] for name in LISTED_FIELDS},
    "outputs": 1,
    "first_output": {name: OUTPUT[name] for name in ("number", "kind", "media_type", *URLS)},
}
SHORT = {"prompt": "a lighthouse at dusk", "checkpoint_model": CHECKPOINT}
WORKFLOW = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}},
}
PLANNED = {
    "job_type": "workflow",
    "parameters": None,
    "workflow": WORKFLOW,
    "assets": {},
    "workflow_key": "0f1e2d3c4b5a6978",
    "priority": 5,
    "run_after": None,
    "deadline_at": None,
    "max_attempts": None,
    "metadata": {},
    "output_nodes": ["2"],
    "temp_outputs": True,
    "requires": None,
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    JobBody: {
        "short": SHORT,
        "full": {
            "prompt": "a lighthouse above a stormy sea at dusk",
            "negative_prompt": "blurry",
            "checkpoint_model": CHECKPOINT,
            "lora_models": [LORA],
            "width": 512,
            "height": 512,
            "batch_size": 2,
            "sampler_params": SAMPLING,
            "priority": 7,
            "deadline_seconds": 3600,
            "metadata": {"shot": "12"},
        },
        "workflow": {"workflow": WORKFLOW, "outputs": ["2"], "priority": 3},
    },
    AcceptedJobView: {"queued": {**QUEUED, "notes": []}},
    BatchBody: {"two": {"jobs": [SHORT, {**SHORT, "priority": 9}]}},
    BatchView: {"one": {"batch_id": BATCH, "jobs": [{**QUEUED, "batch_id": BATCH, "notes": []}]}},
    ValidView: {"workflow": {"valid": True, "notes": [], "job": PLANNED}},
    RetryBody: {"same": {}, "new": {"seed": "new"}, "this": {"seed": 42}},
    JobView: {"completed": COMPLETED},
    DetailedJobView: {"completed": DETAILED},
    JobPage: {"last": {"items": [LISTED], "next": None, "cursor": None}},
    StatisticsView: {
        "one day": {
            "since": "2026-01-01",
            "totals": {"completed": 12, "failed": 1},
            "days": [{"day": "2026-01-01", "jobs": {"completed": 12, "failed": 1}}],
            "completed": {"jobs": 12, "p50_ms": 6700, "p95_ms": 9100},
            "failed": {"jobs": 1, "p50_ms": 300, "p95_ms": 300},
            "paused": None,
        }
    },
    CancelBody: {"waiting": {"status": ["queued", "pending"]}, "all": {"all": True}},
    CancelledView: {"done": {"cancelled": 12, "cancelling": 2, "complete": True}},
    MoveBody: {"next": {"to": "front"}, "last": {"to": "back"}},
    AmendBody: {"urgent": {"priority": 9}, "noted": {"metadata": {"shot": "13"}}, "kept": {"pinned": True}},
}
