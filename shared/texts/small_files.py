"""Files that are small, or of no use: what is read of one has a bound, whatever somebody has named."""

from pathlib import Path

from shared.texts.reasons import reason_of


class NotRead(Exception):
    """A file is of no use. The message says why, as what follows "it", and neither where it is nor what it holds."""


def small_file(file: Path, most: int) -> bytes:
    """All of a file of at most `most` bytes. Raises NotRead."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise NotRead(f"cannot be read: {reason_of(error)}") from None
    if len(content) > most:
        raise NotRead(f"has more than {most} bytes")
    return content
