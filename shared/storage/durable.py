"""What is written here survives a loss of power, once the function that wrote it has returned."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

from shared.storage.store import Content

CHUNK = 256 * 1024
MOST_AT_ONCE = 8  # threads that wait for the disk


def copy_all(files: Mapping[Path, Content], root: Path) -> None:
    """Put the bytes of each file in its target's place, at once and whole; targets are below `root`.

    The disk takes several files and folders in little more time than one, so it is asked for all of them together.
    """
    with ExitStack() as copies:
        new_folders = [folder for target in files for folder in made_folders(target.parent, root)]
        written = {target: copies.enter_context(copied(file, target.parent)) for target, file in files.items()}
        flushes = [partial(os.fsync, copy.fileno()) for copy in written.values()]
        at_once([*flushes, *(partial(sync_folder, folder.parent) for folder in new_folders)])
        for target, copy in written.items():
            Path(copy.name).replace(target)
    at_once([partial(sync_folder, folder) for folder in {target.parent for target in files}])


@contextmanager
def copied(content: Content, folder: Path) -> Iterator[IO[bytes]]:
    """A file of these bytes in a folder, under another name until it is given one. Without one it is removed."""
    with (folder / f".incoming-{uuid4().hex}").open("xb") as copy:
        try:
            os.fchmod(copy.fileno(), 0o644)
            if isinstance(content, bytes):
                copy.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, copy, CHUNK)
            copy.flush()
            yield copy
        except BaseException:
            Path(copy.name).unlink(missing_ok=True)
            raise


def make_folders(folder: Path, root: Path) -> None:
    """Make a folder and those above it, down from `root`."""
    at_once([partial(sync_folder, made.parent) for made in made_folders(folder, root)])


def made_folders(folder: Path, root: Path) -> list[Path]:
    """Make a folder and those above it. Returns those that are new, whose names their own folders are yet to keep."""
    if folder.is_dir():
        return []
    above = made_folders(folder.parent, root) if folder != root else []
    folder.mkdir(parents=folder == root, exist_ok=True)
    return [*above, folder]


def sync_folder(folder: Path) -> None:
    """A name in a folder is durable once the folder itself is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def at_once(deeds: Sequence[Callable[[], object]]) -> None:
    """Do things that wait for the disk, side by side. Raises what one of them raised, after all have ended."""
    for begin in range(0, len(deeds), MOST_AT_ONCE):
        failed: list[OSError] = []
        first, *others = deeds[begin : begin + MOST_AT_ONCE]
        threads = [threading.Thread(target=tried, args=(deed, failed), daemon=True) for deed in others]
        for thread in threads:
            thread.start()
        tried(first, failed)
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]


def tried(deed: Callable[[], object], failed: list[OSError]) -> None:
    try:
        deed()
    except OSError as error:
        failed.append(error)
