"""The guard ends its command when it should, once, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.process import GUARD
from tests.deploy_local.watching import PATIENCE_S, gone, numbers_in, until

pytestmark = pytest.mark.system

Guard = subprocess.Popen[bytes]
StartGuard = Callable[..., Guard]

# Writes its pid, then the number of each signal it gets, and ends only when it may.
STUBBORN = """
import os, signal, sys, time
heard, leave = sys.argv[1:]
def note(*numbers):
    with open(heard, "a") as file:
        print(*numbers, file=file)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: note(number))
note(os.getpid())
for _ in range(6000):
    time.sleep(0.01)
    if os.path.exists(leave):
        sys.exit(7)
"""


@pytest.fixture
def guard() -> Iterator[StartGuard]:
    guards: list[Guard] = []

    def start(*arguments: str) -> Guard:
        guards.append(
            subprocess.Popen(
                [sys.executable, "-I", "-S", GUARD, *arguments], stdin=subprocess.PIPE, start_new_session=True
            )
        )
        return guards[-1]

    yield start
    for one in guards:
        one.communicate(timeout=PATIENCE_S)


@pytest.fixture
def stubborn(folder: Path) -> tuple[str, ...]:
    """A command that does not stop for a signal."""
    return sys.executable, "-c", STUBBORN, str(folder / "heard"), str(folder / "leave")


def told(folder: Path) -> list[int]:
    """The signals that the stubborn command got."""
    return numbers_in(folder / "heard")[1:]


def started(folder: Path) -> int:
    """The pid of the stubborn command once it listens."""
    until(lambda: bool(numbers_in(folder / "heard")))
    return numbers_in(folder / "heard")[0]


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
)
def test_it_ends_as_its_command_did(guard: StartGuard, script: str, code: int) -> None:
    assert guard("--", "sh", "-c", script).wait(PATIENCE_S) == code


def test_a_command_that_cannot_be_started_is_127(guard: StartGuard) -> None:
    assert guard("--", "/no/such/command").wait(PATIENCE_S) == 127


@pytest.mark.parametrize("arguments", [(), ("--",), ("--grace", "--", "true"), ("--colour", "red", "--", "true")])
def test_arguments_that_make_no_sense_are_2(guard: StartGuard, arguments: tuple[str, ...]) -> None:
    assert guard(*arguments).wait(PATIENCE_S) == 2


def test_the_command_stops_when_the_launchers_end_is_closed(guard: StartGuard) -> None:
    running = guard("--", "sleep", "60")
    assert running.stdin
    running.stdin.close()
    assert running.wait(PATIENCE_S) == 143
    running.stdin = None


def test_the_command_stops_at_a_byte(guard: StartGuard) -> None:
    running = guard("--", "sleep", "60")
    assert running.stdin
    running.stdin.write(b".")
    running.stdin.flush()
    assert running.wait(PATIENCE_S) == 143


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_command_stops_when_the_guard_gets_a_signal(
    guard: StartGuard, folder: Path, stubborn: tuple[str, ...], number: int
) -> None:
    running = guard("--grace", "60", "--", *stubborn)
    started(folder)
    running.send_signal(number)
    until(lambda: told(folder) == [signal.SIGTERM])
    (folder / "leave").touch()
    assert running.wait(PATIENCE_S) == 7


def test_the_stop_signal_can_be_chosen(guard: StartGuard, folder: Path, stubborn: tuple[str, ...]) -> None:
    running = guard("--stop-signal", "SIGINT", "--", *stubborn)
    started(folder)
    running.terminate()
    until(lambda: told(folder) == [signal.SIGINT])
    (folder / "leave").touch()
    assert running.wait(PATIENCE_S) == 7


def test_the_stop_signal_is_sent_once(guard: StartGuard, folder: Path, stubborn: tuple[str, ...]) -> None:
    running = guard("--grace", "60", "--", *stubborn)
    started(folder)
    running.terminate()
    until(lambda: told(folder) == [signal.SIGTERM])
    running.send_signal(signal.SIGHUP)
    running.terminate()
    assert running.stdin
    running.stdin.close()
    running.stdin = None
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(1.5)  # Longer than the guard's look-ups are apart.
    (folder / "leave").touch()
    assert running.wait(PATIENCE_S) == 7
    assert told(folder) == [signal.SIGTERM]


def test_the_stop_signal_goes_to_the_command_alone(guard: StartGuard, folder: Path, stubborn: tuple[str, ...]) -> None:
    running = guard("--grace", "60", "--", "sh", "-c", '"$@" & wait; wait', "sh", *stubborn)
    child = started(folder)
    running.terminate()
    assert running.wait(PATIENCE_S) == 143
    until(lambda: gone(child))
    assert told(folder) == []


def test_a_command_that_does_not_stop_is_killed(guard: StartGuard, folder: Path, stubborn: tuple[str, ...]) -> None:
    running = guard("--grace", "0.2", "--", *stubborn)
    pid = started(folder)
    running.terminate()
    assert running.wait(PATIENCE_S) == 137
    assert told(folder) == [signal.SIGTERM]
    assert gone(pid)


def test_children_left_behind_are_killed(guard: StartGuard, folder: Path, stubborn: tuple[str, ...]) -> None:
    script = '"$@" & until [ -s "$0" ]; do sleep 0.05; done; exit 4'
    assert guard("--", "sh", "-c", script, str(folder / "heard"), *stubborn).wait(PATIENCE_S) == 4
    pid = started(folder)
    until(lambda: gone(pid))


def test_the_command_reads_nothing_and_has_its_own_session(guard: StartGuard, folder: Path) -> None:
    script = f"""
import os, sys
assert sys.stdin.read() == ""
open({str(folder / "session")!r}, "w").write(f"{{os.getpid()}}\\n{{os.getsid(0)}}\\n{{os.getpgrp()}}\\n")
"""
    assert guard("--", sys.executable, "-c", script).wait(PATIENCE_S) == 0
    pid, *ids = numbers_in(folder / "session")
    assert ids == [pid, pid]


def test_a_signal_ignored_by_the_launcher_still_stops_the_command(guard: StartGuard, folder: Path) -> None:
    ready = folder / "ready"
    running = guard("--", "sh", "-c", f'echo 1 > "{ready}"; exec sleep 60')
    until(ready.exists)
    running.send_signal(signal.SIGHUP)
    assert running.wait(PATIENCE_S) == 143


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a command as somebody else")
def test_root_can_start_the_command_as_somebody_else(guard: StartGuard) -> None:
    script = '[ "$(id -u):$(id -g):$(id -G)" = "65534:65534:65534" ]'
    assert guard("--user", "65534:65534", "--", "sh", "-c", script).wait(PATIENCE_S) == 0


LAUNCHER = """
import os, sys, time
from pathlib import Path
from deploy.local.process import Command, Process
processes = [
    Process.start(Command(name=name, arguments=("sleep", "120"), log=Path(sys.argv[1]) / name)) for name in ("a", "b")
]
fork = os.fork() if "fork" in sys.argv else None
if fork != 0:
    print(*(pid for process in processes for pid in (process.pid, process.guard.pid)), fork or "", flush=True)
time.sleep(120)
"""


def test_nothing_outlives_a_killed_launcher(launch: Callable[..., "subprocess.Popen[str]"], folder: Path) -> None:
    launcher = launch(LAUNCHER, str(folder))
    assert launcher.stdout
    pids = [int(pid) for pid in launcher.stdout.readline().split()]
    assert len(pids) == 4
    launcher.kill()
    until(lambda: all(map(gone, pids)))


def test_a_fork_of_the_launcher_keeps_nothing_alive(
    launch: Callable[..., "subprocess.Popen[str]"], folder: Path
) -> None:
    launcher = launch(LAUNCHER, str(folder), "fork")
    assert launcher.stdout
    *pids, fork = [int(pid) for pid in launcher.stdout.readline().split()]
    try:
        launcher.kill()
        until(lambda: all(map(gone, pids)))
        assert not gone(fork)
    finally:
        os.kill(fork, signal.SIGKILL)
