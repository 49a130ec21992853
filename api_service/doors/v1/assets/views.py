"""What clients see of an asset."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.http.signed_urls import SignedUrls
from shared.models import Asset, AssetKind

ASSETS = "/api/v1/assets"


class AssetView(BaseModel, frozen=True):
    """A file of a user's. `kind` and `media_type` are found out from its bytes; `hash` is `blake3:` and their hash.

    `job_id` is the job whose output it was made from, null for one that was uploaded. Without `expires_at` it stays
    until it is deleted. `url` is where its bytes are, for whoever has it, until `url_expires_at`.
    """

    id: UUID
    user_id: UUID
    name: str
    kind: AssetKind
    media_type: str
    size_bytes: int
    hash: str
    tags: list[str]
    job_id: int | None
    created_at: datetime
    expires_at: datetime | None
    url: str
    url_expires_at: datetime

    @classmethod
    def of(cls, asset: Asset, urls: SignedUrls) -> Self:
        values = {name: getattr(asset, name) for name in cls.model_fields.keys() - {"url", "url_expires_at"}}
        return cls(**values, url=urls.url(f"{ASSETS}/{asset.id}/content"), url_expires_at=urls.expires_at)


class AssetPage(Page[AssetView], frozen=True):
    """A page of assets. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""
