"""What is in a folder: the bytes of a file in pieces, and all files in the order of their keys."""

import os
from collections.abc import Iterator
from pathlib import Path

from shared.storage.durable import CHUNK


def pieces_of(path: Path, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a file from `start`, in chunks. Raises OSError at once."""

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield b""
            file.seek(start)
            left = length
            while left is None or left > 0:
                chunk = file.read(CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    found = chunks()
    next(found)  # it is open now, and closed with the iterator, also if nobody reads on
    return found


def files_below(folder: Path, prefix: str, after: str) -> Iterator[Path]:
    """All files below a folder in the order of their keys, which begin with that prefix, after one of them.

    A folder counts with its slash, as it does in keys: `a-b` comes before `a/b`.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(f"{one.name}/" if one.is_dir(follow_symlinks=False) else one.name for one in entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in found:
        key = f"{prefix}{name}"
        if name.endswith("/"):
            if key > after or after.startswith(key):
                yield from files_below(folder / name, key, after)
        elif key > after:
            yield folder / name
