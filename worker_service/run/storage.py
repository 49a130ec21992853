"""Whether outputs can be stored: a store that is away is the operator's to mend, and no job's fault.

While it is away this worker takes no new job: their results would pile up in ComfyUI.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from shared.storage.folder_incoming import check_folder
from shared.storage.store import NotStored
from shared.texts.reasons import reason_of

log = structlog.get_logger(__name__)

SILENT_AFTER_S = 20.0  # a file system over the network blocks whoever asks it while it is away


def check_own_disk() -> None:
    """See whether there is room for what outputs are read into. Raises NotStored."""
    try:
        check_folder(Path(tempfile.gettempdir()))
    except NotStored as error:
        raise NotStored(error.key, f"the worker's own disk: {error.reason}") from error
    except OSError as error:
        # No folder for temporary files is of use.
        raise NotStored("a file", f"the worker's own disk: {reason_of(error)}") from error


@contextmanager
def local_file() -> Iterator[Path]:
    """An empty file on the worker's own disk, until the block ends."""
    descriptor, path = tempfile.mkstemp(prefix="genonaut-")
    try:
        os.close(descriptor)
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


class StorageWatch(threading.Thread):
    """As a thread it tries every few seconds, until `closing` is set. Each of `checks` raises NotStored.

    A job that could not be stored says so too, with `failed`: then it is away until a look has found it there.
    """

    def __init__(self, checks: Sequence[Callable[[], None]], closing: threading.Event, every_s: float) -> None:
        super().__init__(name="storage-watch", daemon=True)
        self.checks = checks
        self.closing = closing
        self.every_s = every_s
        self.silent_after_s = SILENT_AFTER_S
        self.lock = threading.Lock()
        self.reason: str | None = None
        self.away_since = 0.0
        self.asked_at: float | None = None

    def run(self) -> None:
        while not self.closing.is_set():
            self.look()
            self.closing.wait(self.every_s)

    def look(self) -> None:
        """Find out whether a file could be stored now."""
        self.asked_at = time.monotonic()
        try:
            for check in self.checks:
                check()
        except NotStored as error:
            self.failed(error.reason)
        else:
            self.worked()
        finally:
            self.asked_at = None

    def failed(self, reason: str) -> None:
        with self.lock:
            is_news, self.reason = self.reason is None, reason
            if is_news:
                self.away_since = time.monotonic()
        if is_news:
            log.error("storage.away", reason=reason, means="results wait in ComfyUI, and no new job is taken")

    def worked(self) -> None:
        with self.lock:
            was_away, self.reason = self.reason is not None, None
        if was_away:
            log.warning("storage.back", after_s=round(time.monotonic() - self.away_since, 1))

    def problem(self) -> str | None:
        """Why nothing can be stored, in words for an operator; None while all is well."""
        asked_at = self.asked_at
        if asked_at is not None and time.monotonic() - asked_at > self.silent_after_s:
            self.failed(f"it has not answered for {self.silent_after_s:g} s")
        return self.reason
