"""Examples of what OpenAI's images API takes and gives. Requests work as they are while `make up` runs."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.openai.answers.views import ImagesView, ModelsView, ModelView
from api_service.doors.openai.asking.bodies import GenerationBody

CHECKPOINT = {"id": "random_sd15.safetensors", "object": "model", "created": 0, "owned_by": "genonaut"}
SIGNED = "?expires=1767273300&signature=qJ3b0nNw4Xq2yK6mE1sVtR7uP5cZ8aLdQxGhWg"
MADE = {"created": 1767268800, "background": "opaque", "output_format": "png", "size": "512x512", "job_id": 1}
URL = f"http://127.0.0.1:8000/api/v1/generation-jobs/1/outputs/0{SIGNED}"

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    GenerationBody: {
        "least": {"prompt": "a lighthouse at dusk", "size": "512x512"},
        "more": {
            "prompt": "a lighthouse at dusk",
            "model": "random_sd15.safetensors",
            "size": "512x512",
            "n": 2,
            "response_format": "url",
            "seed": 7,
            "steps": 20,
        },
    },
    ImagesView: {
        "in full": {**MADE, "data": [{"b64_json": "iVBORw0KGgo="}]},
        "by url": {**MADE, "data": [{"url": URL}]},
    },
    ModelsView: {"one": {"object": "list", "data": [CHECKPOINT]}},
    ModelView: {"checkpoint": CHECKPOINT},
}
