"""The store in a folder: once `put` has returned, the bytes survive a loss of power."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from shared.storage.durable import copy_all, make_folders, sync_folder
from shared.storage.folder_growing import GrowingInFolder
from shared.storage.folder_incoming import IncomingInFolder, check_folder
from shared.storage.folder_reading import files_below, pieces_of
from shared.storage.keys import key_of, parts_of
from shared.storage.store import Content, GrowingFile, IncomingFile, NotStored, StoredEntry, not_stored
from shared.texts.reasons import reason_of


class FolderStore:
    """An OutputStore in a folder that all processes share."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, files: Mapping[str, Content]) -> None:
        targets = {self.path(key): file for key, file in files.items()}
        with not_stored(next(iter(files), "")):
            copy_all(targets, self.root)

    def incoming(self, key: str) -> IncomingFile:
        return IncomingInFolder(key, self.path(key), self.root)

    def link(self, key: str, as_key: str) -> None:
        file, target = self.path(key), self.path(as_key)
        try:
            make_folders(target.parent, self.root)
            try:
                target.hardlink_to(file)
            except FileNotFoundError:
                raise
            except OSError:  # this disk has no second names, or no more of them
                copy_all({target: file}, self.root)
            else:
                sync_folder(target.parent)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise NotStored(as_key, reason_of(error)) from error

    def growing(self, key: str, length: int) -> GrowingFile:
        return GrowingInFolder(key, self.path(key), self.root, length)

    def open(self, key: str) -> BinaryIO:
        return self.path(key).open("rb")

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return pieces_of(self.path(key), start, length)

    def size(self, key: str) -> int:
        return self.path(key).stat().st_size

    def signed_url(self, key: str) -> str | None:  # noqa: ARG002
        return None

    def remove(self, folder: str) -> None:
        # One name and one question to the disk: jobs are deleted by the thousand, and many have no file any more.
        path = f"{self.root}/{key_of(folder)}"
        with contextlib.suppress(FileNotFoundError):
            (os.unlink if stat.S_ISREG(os.lstat(path).st_mode) else shutil.rmtree)(path)

    def folders(self, folder: str = "") -> list[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.below(folder)) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return []

    def files(self, folder: str = "", after: str = "") -> Iterator[StoredEntry]:
        for path in files_below(self.below(folder), f"{folder}/" if folder else "", after):
            with contextlib.suppress(FileNotFoundError):  # it was removed meanwhile
                status = path.lstat()
                yield StoredEntry(path.relative_to(self.root).as_posix(), status.st_size, status.st_mtime)

    def below(self, folder: str) -> Path:
        return self.path(folder) if folder else self.root

    def unreadable(self) -> str | None:
        try:
            with os.scandir(self.root):
                return None
        except OSError as error:
            return reason_of(error)

    def check(self) -> None:
        check_folder(self.root)

    def free_bytes(self) -> int | None:
        # The folder is made by whoever first stores something.
        folder = next(one for one in (self.root, *self.root.parents) if one.exists())
        return shutil.disk_usage(folder).free

    def path(self, key: str) -> Path:
        return self.root.joinpath(*parts_of(key))
