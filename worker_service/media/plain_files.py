"""Texts and files of unknown kinds need no decoder: they are looked at in the worker itself."""

from pathlib import Path

from worker_service.media.findings import Examined, MediaInfo
from worker_service.media.texts import TEXTS, text_media_type


def examine_plainly(file: Path, suffix: str) -> Examined:
    """Such a file says nothing of itself to which it could be held: it is kept as it is."""
    if suffix in TEXTS:
        media = MediaInfo("text", text_media_type(file, suffix))
    else:
        media = MediaInfo("other", "application/octet-stream")
    return Examined(media, note=f"{media.kind} outputs have no picture")
