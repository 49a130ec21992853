"""One member of the media pool, as its worker sees it: a process that is asked, and can be gone at any moment."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import worker_service
from worker_service.media.limits import Limits
from worker_service.media.messages import Garbage, packed, unpacked

# -P: what lies in the current folder is no module of ours.
MEMBER = (sys.executable, "-P", "-m", "worker_service.media.member")
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")  # no address, no password
START_WITHIN_S = 60.0  # a third of a second, on a machine that has nothing else to do
GRACE_S = 5.0  # the kernel ends a member when its time is over; then it is ended from here
LOOK_UP_S = 0.5  # a time limit is raised only between bytecodes
END_WITHIN_S = 1.0
SHOWN_OF_THE_LAST_WORDS = 2000


class Died(Exception):
    """A member ended instead of answering, or was ended. `signal` is what ended it, if it was a signal."""

    def __init__(self, status: int | None, reason: str = "", last_words: str = "") -> None:
        self.signal = signal.Signals(-status) if status is not None and status < 0 else None
        super().__init__(reason or (self.signal.name if self.signal else f"it ended with status {status}"))
        self.last_words = last_words


class Member:
    """Started at once. A member that has raised anything but an answer is of no more use: `end` it."""

    def __init__(self, command: Sequence[str], limits: Limits) -> None:
        """Raises Died where it does not start, and OSError where there is no memory for one."""
        # A file and not a pipe: nobody reads it but for a member that died.
        self.last_words = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `end`
        self.limits = limits
        self.process = subprocess.Popen(
            [*command, *map(str, limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.last_words,
            bufsize=0,
            env=environment(),
        )
        self.deadline = time.monotonic() + START_WITHIN_S
        self.is_spent = False
        try:
            self.receive(most_parts=0)
        except BaseException:
            self.end()
            raise

    def is_usable(self) -> bool:
        return not self.is_spent and self.process.poll() is None

    def ask(self, question: Mapping[str, Any], most_parts: int) -> tuple[dict[str, Any], list[bytes]]:
        """The answer, and the bytes that come with it. Raises Died."""
        assert self.process.stdin
        self.deadline = time.monotonic() + self.limits.wall_s + GRACE_S
        with suppress(BrokenPipeError):  # reading says what has become of it
            self.process.stdin.write(packed(question))
        return self.receive(most_parts)

    def receive(self, most_parts: int) -> tuple[dict[str, Any], list[bytes]]:
        try:
            message, parts = unpacked(self.read, most_parts)
        except Garbage as error:
            raise Died(None, f"it answered {error}") from error
        self.is_spent = message.pop("last", None) is not False
        return message, parts

    def read(self, length: int) -> bytes:
        assert self.process.stdout
        content = bytearray()
        waiting = select.poll()
        waiting.register(self.process.stdout, select.POLLIN)
        while len(content) < length:
            left_s = self.deadline - time.monotonic()
            if left_s <= 0:
                raise Died(None, "it did not answer in time")
            if not waiting.poll(min(left_s, LOOK_UP_S) * 1000):
                continue
            more = os.read(self.process.stdout.fileno(), length - len(content))
            if not more:
                raise self.death()
            content += more
        return bytes(content)

    def death(self) -> Died:
        """Why it closed its pipe."""
        try:
            status = self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            return Died(None, "it closed its pipe")
        size = self.last_words.seek(0, os.SEEK_END)
        self.last_words.seek(max(0, size - SHOWN_OF_THE_LAST_WORDS))
        return Died(status, last_words=self.last_words.read(SHOWN_OF_THE_LAST_WORDS).decode(errors="replace"))

    def end(self, *, gently: bool = False) -> None:
        """End it: an idle one by closing its pipe, any other at once."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        if not gently:
            self.process.kill()
        try:
            self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()
        self.last_words.close()


def environment() -> dict[str, str]:
    """What a member needs of this process's variables: it finds our code where this process did."""
    here = str(Path(worker_service.__path__[0]).parent)
    return {"PYTHONPATH": here, **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}}
