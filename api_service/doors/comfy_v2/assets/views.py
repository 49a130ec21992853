"""An asset as clients of the Comfy API see it: a file of theirs, or an output of a job."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from api_service.doors.comfy_v2.names.places import content_address
from api_service.doors.comfy_v2.views.optional import Optionally
from api_service.http.signed_urls import SignedUrls
from shared.models import Asset, JobOutput
from shared.workflows.opaque_names import job_name, output_name


class AssetView(BaseModel, frozen=True):
    """An asset. `hash` is null for the output of a job; `job_id` is left out where no job made it.

    `created_new` is in the answer that made it: whether its bytes were new.
    """

    id: str
    hash: str | None
    size_bytes: int
    content_type: str
    file_path: str
    created_new: Optionally[bool] = None
    created_at: datetime
    url: str
    url_expires_at: datetime
    expires_at: datetime | None
    job_id: Optionally[str] = None

    @classmethod
    def of(cls, asset: Asset, urls: SignedUrls, *, created_new: bool | None = None) -> Self:
        return cls(
            id=str(asset.id),
            hash=asset.hash,
            size_bytes=asset.size_bytes,
            content_type=asset.media_type,
            file_path=asset.name,
            created_new=created_new,
            created_at=asset.created_at,
            url=urls.url(content_address(str(asset.id))),
            url_expires_at=urls.expires_at,
            expires_at=asset.expires_at,
            job_id=None if asset.job_id is None else job_name(asset.job_id),
        )

    @classmethod
    def of_output(cls, output: JobOutput, urls: SignedUrls) -> Self:
        """It is there as long as its job. Its SHA-256 is known, and the contract has BLAKE3."""
        name = output_name(output.job_id, output.number)
        return cls(
            id=name,
            hash=None,
            size_bytes=output.size_bytes,
            content_type=output.media_type,
            file_path=output.filename,
            created_at=output.created_at,
            url=urls.url(content_address(name)),
            url_expires_at=urls.expires_at,
            expires_at=None,
            job_id=job_name(output.job_id),
        )
