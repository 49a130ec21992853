"""The URLs of files in this door's answers: they are made here, and nowhere else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from api_service.doors.comfy_v2.names.places import ASSETS

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class FileUrls:
    """Makes the URLs of files for one answer. They need the key, so they do not end."""

    origin: str
    expires_at: datetime = NEVER

    def url(self, asset_name: str) -> str:
        """Where the bytes of an asset are, as a whole address."""
        return f"{self.origin}{ASSETS}/{asset_name}/content"


def urls_for(http: Request[Any]) -> FileUrls:
    """What makes URLs for the answer to this request, by the scheme and host by which the client came."""
    return FileUrls(f"{http.url.scheme}://{http.url.netloc}")
