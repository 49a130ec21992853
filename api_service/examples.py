"""Examples for the OpenAPI document; a test holds each to its model."""

from typing import Any

from pydantic import BaseModel

from api_service.codes import MEANINGS, Code
from api_service.job_body import JobBody
from api_service.problems import FieldError, ProblemBody
from api_service.views import JobView, LiveView, ReadyView

WRONG_FIELDS = {
    Code.INVALID_FIELDS: FieldError(field="width", message="Input should be a multiple of 8", code="multiple_of"),
    Code.INVALID_QUERY: FieldError(field="limit", message="Input should be at most 200", code="less_than_equal"),
}


def problem_example(code: Code) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    wrong = WRONG_FIELDS.get(code)
    body = ProblemBody(
        title=code.status.phrase,
        status=code.status,
        code=code,
        detail=MEANINGS[code].text,
        errors=(wrong,) if wrong else None,
    )
    return body.model_dump(mode="json", exclude_none=True)


JOB: dict[str, Any] = {
    "id": 42,
    "user_id": "0b0a1c52-4c1e-4f0e-9c63-0d5f1a2b3c4d",
    "job_type": "image",
    "status": "completed",
    "prompt": "a lighthouse above a stormy sea at dusk",
    "negative_prompt": "blurry",
    "checkpoint_model": "sd15.safetensors",
    "lora_models": [{"name": "film-grain.safetensors", "strength_model": 0.8, "strength_clip": 0.8}],
    "width": 512,
    "height": 512,
    "batch_size": 1,
    "sampler_params": {
        "seed": 1234,
        "steps": 20,
        "cfg": 5.5,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    },
    "params": {"clip_skip": 1, "vae_name": None, "previews": False},
    "message_id": "6f1d1a8e-6c1c-4f5e-8a3b-1f2e3d4c5b6a",
    "comfyui_prompt_id": "9c2b7a6d-1e0f-4a3b-8c7d-6e5f4a3b2c1d",
    "attempt": 1,
    "retries": 0,
    "run_after": "2026-01-01T12:00:00Z",
    "created_at": "2026-01-01T12:00:00Z",
    "updated_at": "2026-01-01T12:00:07Z",
    "started_at": "2026-01-01T12:00:00.050Z",
    "completed_at": "2026-01-01T12:00:07Z",
    "content_id": None,
    "error": None,
    "outputs": [
        {
            "number": 0,
            "kind": "image",
            "filename": "job-42-0.png",
            "media_type": "image/png",
            "size_bytes": 412345,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "width": 512,
            "height": 512,
            "duration_ms": None,
            "url": "/api/v1/generation-jobs/42/outputs/0",
            "thumbnails": {"300": "/api/v1/generation-jobs/42/thumbnails/0?size=300"},
            "thumbnail_note": None,
        }
    ],
    "legacy": None,
    "links": {
        "self": "/api/v1/generation-jobs/42",
        "cancel": "/api/v1/generation-jobs/42/cancel",
        "events": "/ws/jobs/42",
    },
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    JobBody: {
        "short": {"prompt": "a lighthouse at dusk", "checkpoint_model": "sd15.safetensors"},
        "full": {
            "prompt": "a lighthouse above a stormy sea at dusk",
            "negative_prompt": "blurry",
            "checkpoint_model": "sd15.safetensors",
            "lora_models": [{"name": "film-grain.safetensors", "strength_model": 0.8, "strength_clip": 0.8}],
            "width": 512,
            "height": 512,
            "batch_size": 2,
            "sampler_params": {"seed": 1234, "steps": 20, "cfg": 5.5, "sampler_name": "euler", "scheduler": "normal"},
        },
    },
    JobView: {"completed": JOB},
    LiveView: {"ok": {"status": "ok"}},
    ReadyView: {
        "ready": {
            "status": "ready",
            "database": {"ok": True, "detail": "answers"},
            "redis": {"ok": True, "detail": "answers"},
            "worker": {"ok": True, "detail": "2 seen in the last 30 s"},
            "comfyui": {"ok": True, "detail": "1 answered in the last 30 s"},
        }
    },
}
