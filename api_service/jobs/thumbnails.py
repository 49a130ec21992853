"""Files that can be sent: the thumbnails of an output."""

from pathlib import PurePosixPath
from typing import NamedTuple

from shared.models import JobOutput

KINDS = {".jpg": "image/jpeg", ".webp": "image/webp"}  # by what the names of thumbnails end in


class NamedFile(NamedTuple):
    """Where a file is in the store, what it is, and a tag that differs wherever its bytes do."""

    path: str
    media_type: str
    filename: str
    tag: str


def thumbnail_of(output: JobOutput, size: str) -> NamedFile:
    """One of those that the output has."""
    path = output.thumbnails[size]["path"]
    ending = f"{size}{PurePosixPath(path).suffix}"
    media_type = KINDS[PurePosixPath(path).suffix]
    return NamedFile(path, media_type, f"{output.filename}-{ending}", f"{output.sha256}-{ending}")


def largest_thumbnail(output: JobOutput) -> NamedFile | None:
    return thumbnail_of(output, max(output.thumbnails, key=int)) if output.thumbnails else None
