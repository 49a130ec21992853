"""Texts and files of unknown kinds need no decoder: they are looked at in the worker itself.

A text is kept as the bytes that came; its character set is said only where the bytes show it.
"""

import codecs
from pathlib import Path

from worker_service.media.findings import Examined, MediaInfo

CHUNK = 256 * 1024
TEXTS = {
    ".txt": "text/plain",
    ".srt": "text/plain",
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".json": "application/json",  # which has no parameter for a character set
}


def examine_plainly(file: Path, suffix: str) -> Examined:
    """Such a file is kept as it is."""
    if suffix in TEXTS:
        media = MediaInfo("text", text_media_type(file, suffix))
    else:
        media = MediaInfo("other", "application/octet-stream")
    return Examined(media, note=f"{media.kind} outputs have no picture")


def text_media_type(file: Path, suffix: str) -> str:
    media_type = TEXTS[suffix]
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") and is_utf8(file) else media_type


def is_utf8(file: Path) -> bool:
    """Whether the whole file is UTF-8. Only a piece of it is in memory at a time."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with file.open("rb") as content:
            while chunk := content.read(CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
