"""What a store of files can do, wherever it keeps them: whoever uses one does not ask which it is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

from shared.texts.reasons import reason_of

Check = Callable[[], None]
"""Looks up whether to go on, and raises where not."""


Content = Path | bytes
"""What a file holds, or where it is on this machine."""


BUSY = "another worker is writing it"
SHORTER = "it is shorter than it was"


class NotStored(Exception):
    """The store refused to keep a file: under which `key`, and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"could not store {key}: {reason}")
        self.key = key
        self.reason = reason


class AlreadyStored(NotStored):
    """There is a file under the key, and it stays as it is."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "there is a file under this key already")


@contextmanager
def not_stored(key: str, where: str = "") -> Iterator[None]:
    """What the system refuses within the block is why a file is not stored; `where` comes first. Raises NotStored."""
    try:
        yield
    except OSError as error:
        raise NotStored(key, f"{where}{reason_of(error)}") from error


class StoredEntry(NamedTuple):
    """A file that is there: its key, its size, and when it was last written, in seconds since 1970."""

    key: str
    size_bytes: int
    written_s: float


class IncomingFile(Protocol):
    """A file that arrives piece by piece. It has its key once it is kept, and leaves nothing if it is dropped."""

    def write(self, piece: bytes) -> None:
        """Raises NotStored."""

    def keep(self) -> None:
        """Put it under its key, durable and whole. Raises NotStored; AlreadyStored."""

    def drop(self) -> None:
        """Forget what was written, unless it was kept."""


class GrowingFile(Protocol):
    """A file that grows over many turns, open for one writer at a time within the block. What fails is NotStored.

    Nothing is durable before `sync`.
    """

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def size(self) -> int: ...

    def write(self, piece: bytes) -> None: ...

    def rewrite(self, at: int, piece: bytes) -> None:
        """Put a piece over what was written since the last `sync`, and go on at the end."""

    def cut(self, length: int) -> None:
        """Forget what comes after so many bytes: no fewer than at the last `sync`."""

    def sync(self) -> None:
        """From now on what was written survives a loss of power."""

    def pieces(self) -> Iterator[bytes]:
        """What was durable when it was asked for, from the start. Raises OSError."""

    def finish(self, check: Check) -> None:
        """From now on it is under its key as any other file is. It can grow on after that. Raises what `check` does."""


class OutputStore(Protocol):
    """Where files are kept: in a folder or in an object store.

    Whatever reads raises FileNotFoundError where there is no such file, and another OSError where none can be read.
    """

    def put(self, files: Mapping[str, Content]) -> None:
        """Keep the bytes of each file under its key, over what was there.

        Raises NotStored, which names the first of them; some may have been kept then.
        """

    def incoming(self, key: str) -> IncomingFile:
        """A file to be written piece by piece, for a key under which nothing is. Raises NotStored."""

    def link(self, key: str, as_key: str) -> None:
        """Keep what is under a key under another one too, without a copy of its bytes where that can be.

        Each of the two can be removed without the other. Raises FileNotFoundError, NotStored.
        """

    def growing(self, key: str, length: int) -> GrowingFile:
        """The file under a key, to be written on after its first `length` bytes. Raises NotStored."""

    def open(self, key: str) -> BinaryIO:
        """The file under a key, to be read anywhere."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, in chunks of at most 256 KiB. Raises FileNotFoundError at once."""

    def size(self, key: str) -> int:
        """In bytes."""

    def signed_url(self, key: str) -> str | None:
        """Where a client gets a file from the store itself, without a key of ours; None where it is to ask us."""

    def remove(self, folder: str) -> None:
        """Remove a file, or everything below a folder. Nothing there is fine. Raises OSError."""

    def folders(self, folder: str = "") -> list[str]:
        """The names of the folders in a folder, sorted; none where there is no such folder."""

    def files(self, folder: str = "", after: str = "") -> Iterator[StoredEntry]:
        """All files below a folder, those under way too, in the order of their keys; only those after one of them.

        None where there is no such folder.
        """

    def unreadable(self) -> str | None:
        """Why nothing can be read at all, in the system's words; None where files can be."""

    def check(self) -> None:
        """See whether a small file could be kept now. Raises NotStored."""

    def free_bytes(self) -> int | None:
        """How much room there is; None where nobody can tell. Raises OSError."""


def has(store: OutputStore, key: str) -> bool:
    """Whether there is a file. There is none where it is no key at all: rows of the former system name files that are
    elsewhere. Raises OSError where none can be looked for."""
    try:
        store.size(key)
    except (FileNotFoundError, ValueError):
        return False
    return True
