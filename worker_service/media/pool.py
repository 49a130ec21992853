"""Outputs are examined in a few processes with limits, so that a file can harm no more than its own examination."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import Signals

import structlog

from shared.jobs.errors import OutputCorrupt
from worker_service.media.answers import Beyond, DamagedFile, read_answer
from worker_service.media.findings import SIZES, BeyondLimits, Examined, MediaInfo
from worker_service.media.kinds import DECODED, kind_of, media_type_of
from worker_service.media.limits import Limits
from worker_service.media.messages import Garbage
from worker_service.media.plain_files import examine_plainly
from worker_service.media.process import MEMBER, Died, Member
from worker_service.media.stated_lengths import bytes_missing

log = structlog.get_logger(__name__)

LIMITS = Limits()
LOOK_UP_S = 0.5  # a time limit is raised only between bytecodes
MOST_MEMBERS = 4  # of one worker; more workers have more
NOT_EXAMINED = "it cannot be examined within limits"


def members_for(threads: int) -> int:
    """How many members a worker of so many threads has: what decodes keeps a core busy."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(threads, cores, MOST_MEMBERS)


class NotStarted(Exception):
    """No member can be started: this says nothing of any file."""


class PoolClosed(Exception):
    """The worker stops."""


class MediaPool:
    """At most `size` members, each started when it is needed and kept for the next file. Any thread may use it."""

    def __init__(self, size: int, limits: Limits = LIMITS, command: Sequence[str] = MEMBER) -> None:
        self.size = size
        self.limits = limits
        self.command = command
        self.changed = threading.Condition()
        self.idle: list[Member] = []  # the last one used is the first one used again, so that few are warm
        self.busy: dict[int, Member | None] = {}  # thread -> what it uses
        self.closed = False

    def examine(self, file: Path, filename: str) -> Examined:
        """Decode a whole file, by the kind that its name promises, and make its thumbnails.

        Raises OutputCorrupt. A file that cannot be examined within the limits is neither sound nor damaged: it is
        found undecoded, and why.
        """
        suffix = Path(filename).suffix.lower()
        if missing := bytes_missing(file, suffix):
            raise OutputCorrupt(filename, missing)
        if suffix not in DECODED:
            return examine_plainly(file, suffix)
        try:
            found = self.examined(file, suffix)
        except BeyondLimits as error:
            log.warning("media.not_examined", filename=filename, reason=str(error))
            note = f"{NOT_EXAMINED}: {error}"
            return Examined(MediaInfo(kind_of(suffix), media_type_of(file, suffix), undecoded=note), note=note)
        if isinstance(found, DamagedFile):
            raise OutputCorrupt(filename, found.damaged)
        return found

    def warm(self) -> None:
        """Start a member, so that the first file need not wait for one."""
        with suppress(NotStarted, PoolClosed), self.member():
            log.debug("media.ready")

    def examined(self, file: Path, suffix: str) -> Examined | DamagedFile:
        """What a member says. Raises BeyondLimits."""
        try:
            return self.asked(file, suffix)
        except Died as error:
            if error.signal is not Signals.SIGKILL:
                raise BeyondLimits(self.meaning(error)) from error
        # Somebody else may have killed it: an operator, or the kernel for lack of memory that others use.
        try:
            return self.asked(file, suffix)
        except Died as error:
            raise BeyondLimits(self.meaning(error)) from error

    def asked(self, file: Path, suffix: str) -> Examined | DamagedFile:
        with self.member() as member:
            try:
                answer = read_answer(*member.ask({"file": str(file), "suffix": suffix}, len(SIZES)))
            except Died as error:
                log.warning("media.member_died", reason=str(error), last_words=error.last_words)
                raise
            except Garbage as error:
                raise Died(None, f"it answered {error}") from error
        if isinstance(answer, Beyond):
            raise BeyondLimits(answer.beyond)
        return answer

    def meaning(self, error: Died) -> str:
        match error.signal:
            case Signals.SIGXCPU:
                return f"it takes more than {self.limits.cpu_s} s of processor time"
            case Signals.SIGALRM:
                return f"it takes more than {self.limits.wall_s} s"
            case Signals.SIGKILL:
                return "its decoder was killed twice, probably for lack of memory"
            case None:
                return f"its decoder failed: {error}"
            case _:
                return f"its decoder crashed ({error})"

    @contextmanager
    def member(self) -> Iterator[Member]:
        """A member for this thread alone. Whatever is raised here ends it: its answer would come to the next file."""
        me = threading.get_ident()
        self.take_turn(me)
        member = None
        try:
            member = self.usable(self.busy[me])
            self.busy[me] = member
            yield member
        except BaseException:
            if member is not None:
                member.end()
                member = None
            raise
        finally:
            self.give_back(me, member)

    def take_turn(self, me: int) -> None:
        """Wait for a member that is idle, or for room for another one. Raises PoolClosed."""
        with self.changed:
            self.busy.pop(me, None)  # a time limit may have been raised where nothing could give it back
            while len(self.busy) >= self.size and not self.closed:
                self.changed.wait(LOOK_UP_S)
            if self.closed:
                raise PoolClosed
            self.busy[me] = self.idle.pop() if self.idle else None

    def usable(self, member: Member | None) -> Member:
        """That member, or one in its place. Raises NotStarted."""
        if member is not None:
            if member.is_usable():
                return member
            member.end()
        try:
            member = Member(self.command, self.limits)
        except Died as error:
            log.exception("media.member_not_started", reason=str(error), last_words=error.last_words)
            raise NotStarted(str(error)) from error
        log.debug("media.member_started", pid=member.process.pid)
        return member

    def give_back(self, me: int, member: Member | None) -> None:
        with self.changed:
            self.busy.pop(me, None)
            is_kept = member is not None and member.is_usable() and not self.closed
            if member is not None and is_kept:
                self.idle.append(member)
            self.changed.notify()
        if member is not None and not is_kept:
            member.end(gently=True)

    def close(self) -> None:
        """End every member. A thread that waits for one, or for its answer, is told so."""
        with self.changed:
            self.closed = True
            idle, self.idle = self.idle, []
            busy = [member for member in self.busy.values() if member]
            self.changed.notify_all()
        for member in busy:
            member.process.kill()  # its thread does the rest
        for member in idle:
            member.end(gently=True)
