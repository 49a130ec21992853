"""A process of the local system: started through the guard, watched by its log, and stopped in bounded time."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

GUARD = Path(__file__).with_name("guard.py")
REPORTED_WITHIN_S = 10.0
KILLED_WITHIN_S = 10.0
POLL_S = 0.02
TAIL_BYTES = 65_536
LINKER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # Some Pythons, the guard's too, do not start without.


class CannotStart(Exception):
    """What keeps something from being started on this machine. Its message is all that a person needs to see."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is to run: `arguments` in `cwd` with exactly `environ` (None: the launcher's), its output added to `log`.

    A stop sends `stop_signal` once and kills `grace_s` seconds later. `owner` (user id, group id) runs it, not root.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    cwd: Path | None = None
    environ: Mapping[str, str] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    owner: tuple[int, int] | None = None


class ProcessFailed(CannotStart):
    """A process ended, or did not get ready in time. `tail` holds the last lines of its log."""

    def __init__(self, name: str, happened: str, tail: str) -> None:
        super().__init__(f"{name} {happened}; the end of its log:\n{tail or '(nothing)'}")
        self.name = name
        self.happened = happened
        self.tail = tail


class NotInTime(ProcessFailed):
    """A process runs, and did not get ready in time."""


class Process:
    """A started command. Its `pid` is the service's own, not the guard's."""

    def __init__(self, command: Command, guard: subprocess.Popen[bytes], log_start: int) -> None:
        self.command = command
        self.name = command.name
        self.guard = guard
        self.log_start = log_start
        self.started_at = time.monotonic()
        self.pid = 0

    @classmethod
    def start(cls, command: Command) -> Self:
        """Start the command; returns once it has a pid. Raises ProcessFailed if it got none, or OSError."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        reader, writer = os.pipe()
        try:
            with command.log.open("ab") as log:
                log_start = log.tell()  # Before the start: the service moves the same position on.
                process = cls(command, start_guard(command, writer, log.fileno()), log_start)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        try:
            process.pid = reported_pid(reader)
        except BaseException:
            process.stop(0)
            raise
        finally:
            os.close(reader)
        if not process.pid:
            process.stop(0)
            raise ProcessFailed(command.name, "was not started by its guard", process.tail())
        return process

    @property
    def running(self) -> bool:
        """Whether the service, or its guard about to clean up after it, is still there."""
        return self.guard.poll() is None

    def wait(self, timeout_s: float) -> int:
        """The exit code: 128 + n after a signal n, negative if the guard was killed. Raises TimeoutError."""
        try:
            code = self.guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout_s:g} s") from None
        self.release()
        return code

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Return once `ready()` is true. Raises ProcessFailed when the process ended or the time is over."""
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.running:
                raise ProcessFailed(self.name, f"ended with code {self.wait(0)}", self.tail())
            if time.monotonic() > deadline:
                raise NotInTime(self.name, f"was not ready within {within_s:g} s", self.tail())
            time.sleep(POLL_S)

    def stop(self, timeout_s: float | None = None) -> int:
        """Ask the service to stop, and kill it after `timeout_s` (None: its grace period). Returns the exit code."""
        self.release()
        try:
            code = self.wait(self.command.grace_s + KILLED_WITHIN_S if timeout_s is None else timeout_s)
        except TimeoutError:
            self.kill()
            try:
                code = self.wait(KILLED_WITHIN_S)
            except TimeoutError:
                self.guard.kill()
                code = self.wait(KILLED_WITHIN_S)
        if code < 0 and self.pid:  # The guard itself was killed, so nobody has cleaned up.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return code

    def kill(self) -> None:
        """Send SIGKILL to the service itself, as a crash would; what is left of its group is ended by the guard."""
        if self.running and self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def tail(self, lines: int = 20) -> str:
        """The last lines that this process, not an earlier one with the same log, has written."""
        with self.command.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self.log_start, end - TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def release(self) -> None:
        """Let go of the guard's standard input, which is its sign to stop the service."""
        if self.guard.stdin:
            with suppress(BrokenPipeError):
                self.guard.stdin.close()


class Processes:
    """Processes in the order of their start; leaving the `with` block stops them in reverse, whatever happened."""

    def __init__(self, *commands: Command) -> None:
        self.commands = commands
        self.started: dict[str, Process] = {}
        self.stops = ExitStack()

    def __enter__(self) -> Self:
        try:
            for command in self.commands:
                self.start(command)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Process]:
        return iter(tuple(self.started.values()))

    def __contains__(self, name: str) -> bool:
        return name in self.started

    def __getitem__(self, name: str) -> Process:
        return self.started[name]

    def start(self, command: Command) -> Process:
        """Start one more. One that takes the name of a process that has ended takes its place."""
        earlier = self.started.get(command.name)
        if earlier and earlier.running:
            raise ValueError(f"{command.name} runs already")
        process = Process.start(command)
        self.stops.callback(process.stop)
        self.started.pop(command.name, None)
        self.started[command.name] = process
        return process

    def stop(self) -> None:
        """Stop all, the last first. An error of one is raised after the others are stopped too."""
        self.stops.close()


def start_guard(command: Command, report_to: int, log: int) -> subprocess.Popen[bytes]:
    """Start the guard of a command. It is in a session of its own: the terminal's Ctrl-C reaches only the launcher."""
    options = ["--stop-signal", command.stop_signal.name, "--grace", str(command.grace_s), "--report", str(report_to)]
    if command.owner:
        options += ["--user", "{}:{}".format(*command.owner)]
    linker = {name: os.environ[name] for name in LINKER if name in os.environ}
    # By its path and without site packages, because it is started often and must be quick.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), *options, "--", *command.arguments],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd=command.cwd,
        env=None if command.environ is None else linker | dict(command.environ),
        pass_fds=(report_to,),
        start_new_session=True,
    )


def reported_pid(reader: int) -> int:
    """The pid that a guard writes, 0 if it ended or took too long."""
    ready, _, _ = select.select([reader], [], [], REPORTED_WITHIN_S)
    return int(os.read(reader, 32) or 0) if ready else 0
