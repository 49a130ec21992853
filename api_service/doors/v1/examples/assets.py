"""Examples of assets."""

from typing import Any

from pydantic import BaseModel

from api_service.doors.v1.assets.bodies import FromOutputBody, FromUrlBody
from api_service.doors.v1.assets.views import AssetPage, AssetView

ID = "9f8a1c0d-2b3e-4f56-8a7b-1c2d3e4f5a6b"
SIGNED = "?expires=1767273300&signature=qJ3b0nNw4Xq2yK6mE1sVtR7uP5cZ8aLdQxGhWg"
ASSET = {
    "id": ID,
    "user_id": "1f0c7a52-0000-4000-8000-000000000009",
    "name": "photo.png",
    "kind": "image",
    "media_type": "image/png",
    "size_bytes": 412345,
    "hash": "blake3:17762fddd969a453925d65717ac3eea21320b66b54342fde15128d6caf21215f",
    "tags": ["input"],
    "job_id": None,
    "created_at": "2026-01-01T12:00:00Z",
    "expires_at": None,
    "url": f"https://generation.example.com/api/v1/assets/{ID}/content{SIGNED}",
    "url_expires_at": "2026-01-01T13:15:00Z",
}

EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    AssetView: {"uploaded": ASSET},
    AssetPage: {"last": {"items": [ASSET], "next": None, "cursor": None}},
    FromUrlBody: {
        "picture": {"url": "https://pictures.example.com/lighthouse.png", "tags": ["input"]},
        "named": {"url": "https://pictures.example.com/download?id=7", "name": "mask.png"},
    },
    FromOutputBody: {
        "first": {"job_id": 1, "number": 0},
        "named": {"job_id": 1, "number": 1, "name": "lighthouse.png"},
    },
}
