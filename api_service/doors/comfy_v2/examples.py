"""Examples of what the Comfy API takes and gives. Requests work as they are while `make up` runs."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.comfy_v2.assets.bodies import FromHashBody
from api_service.doors.comfy_v2.assets.views import AssetView
from api_service.doors.comfy_v2.bodies import JobBody
from api_service.doors.comfy_v2.jobs import WorkflowView
from api_service.doors.comfy_v2.lists import JobsView
from api_service.doors.comfy_v2.views.job_views import JobView

JOB_ID, OUTPUT_ID, ASSET_ID = "job_aaaaaaaa", "out_aaaaaaaaaaaaaaaa", "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b"
JOB = f"/api/v2/jobs/{JOB_ID}"
HASH = "blake3:17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f"
WORKFLOW = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "random_sd15.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse at dusk", "clip": ["1", 1]}},
    "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "4": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["2", 0],
            "negative": ["2", 0],
            "latent_image": ["3", 0],
            "seed": 7,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "lighthouse"}},
}
SIGNED = "/content?expires=1767273300&signature=qJ3b0nNw4Xq2yK6mE1sVtR7uP5cZ8aLdQxGhWg"
FILE = {"url_expires_at": "2026-01-01T13:15:00Z", "content_type": "image/png", "size_bytes": 412345}
MADE_AT = "2026-01-01T12:00:00Z"
QUEUED: dict[str, Any] = {
    "id": JOB_ID,
    "status": "queued",
    "created_at": MADE_AT,
    "started_at": None,
    "completed_at": None,
    "expires_at": "2125-12-08T12:00:00Z",
    "queue_position": 1,
    "progress": None,
    "outputs": [],
    "error": None,
    "metrics": {"queue_ms": None, "execution_ms": None},
    "metadata": {"run": "42"},
    "urls": {"self": JOB, "events": f"{JOB}/events", "cancel": f"{JOB}/cancel"},
}
OUTPUT = {
    **FILE,
    "node_id": "6",
    "name": "lighthouse_00001_.png",
    "type": "image",
    "id": OUTPUT_ID,
    "hash": None,
    "url": f"http://127.0.0.1:8000/api/v2/assets/{OUTPUT_ID}{SIGNED}",
    "job_id": JOB_ID,
}
SUCCEEDED = {
    **QUEUED,
    "status": "succeeded",
    "started_at": "2026-01-01T12:00:01Z",
    "completed_at": "2026-01-01T12:00:07Z",
    "queue_position": None,
    "outputs": [OUTPUT],
    "metrics": {"queue_ms": 1000, "execution_ms": 6000},
}
LISTED = {
    "id": JOB_ID,
    "status": "queued",
    "create_time": MADE_AT,
    "update_time": MADE_AT,
    "deployment_id": None,
    "metadata": {"run": "42"},
}
ASSET = {
    **FILE,
    "id": ASSET_ID,
    "hash": HASH,
    "file_path": "photo.png",
    "created_at": MADE_AT,
    "url": f"http://127.0.0.1:8000/api/v2/assets/{ASSET_ID}{SIGNED}",
    "expires_at": None,
}
RUN_AGAIN = "MjAyNi0wMS0wMVQxMjowMDowMFo"

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    JobBody: {"picture": {"workflow": WORKFLOW}, "labelled": {"workflow": WORKFLOW, "metadata": {"run": "42"}}},
    JobView: {"queued": QUEUED, "succeeded": SUCCEEDED},
    JobsView: {"last": {"jobs": [LISTED]}, "more": {"jobs": [LISTED], "next_cursor": RUN_AGAIN}},
    WorkflowView: {"api": {"workflow": WORKFLOW, "format": "api"}},
    AssetView: {"uploaded": {**ASSET, "created_new": True}, "shown": ASSET},
    FromHashBody: {"named": {"hash": HASH, "file_path": "photo.png"}, "as it is": {"hash": HASH}},
}
