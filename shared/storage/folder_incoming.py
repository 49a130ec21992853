"""A file that arrives in a folder is beside its place, under another name, until it is kept."""

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from shared.storage.durable import make_folders, sync_folder
from shared.storage.store import AlreadyStored, NotStored, not_stored

LEAST_FREE = 16 * 1024 * 1024  # bytes, below which a disk counts as full


class IncomingInFolder:
    """An IncomingFile for a path below `root`."""

    def __init__(self, key: str, target: Path, root: Path) -> None:
        self.key = key
        self.target = target
        with not_stored(self.key):
            make_folders(self.target.parent, root)
            self.file = tempfile.NamedTemporaryFile(dir=self.target.parent, prefix=".incoming-", delete=False)  # noqa: SIM115

    def write(self, piece: bytes) -> None:
        with not_stored(self.key):
            self.file.write(piece)

    def keep(self) -> None:
        with not_stored(self.key):
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            Path(self.file.name).chmod(0o644)
            self.take_place()
            sync_folder(self.target.parent)

    def take_place(self) -> None:
        """Give it its name, if that is nobody's."""
        try:
            self.target.hardlink_to(self.file.name)
        except FileExistsError:
            raise AlreadyStored(self.key) from None
        except OSError:  # this disk has no second names
            if self.target.exists():
                raise AlreadyStored(self.key) from None
            Path(self.file.name).replace(self.target)
        else:
            Path(self.file.name).unlink()

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            self.file.close()  # it may have something left that the disk has no place for
        with contextlib.suppress(OSError):
            Path(self.file.name).unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Write a file without a name into a folder, or into the one it would be made in. Raises NotStored."""
    with not_stored("a file"):
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise NotStored("a file", os.strerror(errno.ENOSPC))
