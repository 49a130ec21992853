"""An output as clients of the Comfy API see it: an asset that a job made."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel

from api_service.doors.comfy_v2.names.places import content_address
from api_service.http.signed_urls import SignedUrls
from shared.models import JobOutput, OutputKind
from shared.workflows.opaque_names import job_name, output_name

Type = Literal["image", "video", "audio", "text", "file", "latent"]
TYPES: Mapping[OutputKind, Type] = {
    OutputKind.IMAGE: "image",
    OutputKind.ANIMATION: "image",
    OutputKind.VIDEO: "video",
    OutputKind.AUDIO: "audio",
    OutputKind.TEXT: "text",
    OutputKind.OTHER: "file",
}
LATENT = ".latent"


class OutputView(BaseModel, frozen=True):
    """An output of a job. Its hash is not known: what is computed here is SHA-256, and the contract has BLAKE3."""

    node_id: str
    name: str
    type: Type
    content_type: str
    size_bytes: int
    id: str
    hash: None = None
    url: str
    url_expires_at: datetime
    job_id: str

    @classmethod
    def of(cls, output: JobOutput, urls: SignedUrls) -> Self:
        name = output_name(output.job_id, output.number)
        return cls(
            node_id=output.node_id,
            name=output.filename,
            type=type_of(output),
            content_type=output.media_type,
            size_bytes=output.size_bytes,
            id=name,
            url=urls.url(content_address(name)),
            url_expires_at=urls.expires_at,
            job_id=job_name(output.job_id),
        )


def type_of(output: JobOutput) -> Type:
    return "latent" if output.filename.endswith(LATENT) else TYPES.get(output.kind, "file")
