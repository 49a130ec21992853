"""A guarded command ends with whoever started it and leaves nothing of its process group behind.

    python -m deploy.local.guard [--stop-signal SIGTERM] [--grace 10] [--user UID:GID] [--report FD] -- command...

The command is stopped when the guard's standard input ends or says anything, when the guard's parent is gone, or on
SIGTERM, SIGINT or SIGHUP to the guard. It exits as the command did, with 128 + n for a signal n, or 127 if the command
could not be started. One of these runs beside each process, so it imports next to nothing and needs no packages.
"""

import contextlib
import os
import select
import signal
import sys
import time

STDIN = 0
ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HEARD = (*ASKED_TO_STOP, signal.SIGCHLD)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
LOOK_UP_S = 1.0
BEGUN_WITHIN_S = 5.0
KILLED_WITHIN_S = 5.0
DEFAULTS = {"--stop-signal": "SIGTERM", "--grace": "10", "--user": "", "--report": ""}


def main(arguments: list[str]) -> int:
    """Run the command after `--` and watch it. Returns the exit code to end with, 2 if the arguments make no sense."""
    try:
        options, command = parse(arguments)
        stop_signal, grace_s = signal.Signals[options["--stop-signal"]], float(options["--grace"])
        owner = tuple(map(int, options["--user"].split(":"))) if options["--user"] else ()
        report_to = int(options["--report"] or -1)
    except (KeyError, ValueError) as error:
        print(f"guard: {error!r}; see the head of {__file__}", file=sys.stderr)
        return 2
    parent, signals = os.getppid(), listen()
    pid = spawn(command, owner, report_to)
    status = watch(pid, signals, parent=parent)
    if status is None:
        os.kill(pid, stop_signal)  # Once, and to this process alone: a second one ends a Dramatiq worker at once.
        status = watch(pid, signals, within_s=grace_s)
    if status is None:
        kill_group(pid)
        status = watch(pid, signals, within_s=KILLED_WITHIN_S)
    kill_group(pid)
    code = -signal.SIGKILL if status is None else os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def parse(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options before `--`, each with a value, and the command behind it. Raises ValueError for anything else."""
    end = arguments.index("--")
    given = dict(zip(arguments[:end:2], arguments[1:end:2], strict=True))
    if not given.keys() <= DEFAULTS.keys() or not arguments[end + 1 :]:
        raise ValueError(arguments)
    return DEFAULTS | given, arguments[end + 1 :]


def listen() -> int:
    """From here on each signal writes a byte, its number, that can be read from the returned descriptor."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in HEARD:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return reader


def spawn(command: list[str], owner: tuple[int, ...], report_to: int) -> int:
    """Start the command in a session of its own and write its pid to `report_to`. Returns the pid."""
    if report_to >= 0:
        os.set_inheritable(report_to, False)
    begun, begins = os.pipe()  # The child's end is closed by its exec, or its end.
    # A signal between fork and exec would find our handler in the child and be lost: it waits until that is gone.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    pid = os.fork()
    if pid == 0:
        become(command, owner)
    os.close(begins)
    select.select([begun], [], [], BEGUN_WITHIN_S)  # Before it has its own session, its group could not be killed.
    os.close(begun)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if report_to >= 0:
        with contextlib.suppress(BrokenPipeError):  # The launcher is gone already: its end of stdin will tell.
            os.write(report_to, f"{pid}\n".encode())
        os.close(report_to)
    return pid


def become(command: list[str], owner: tuple[int, ...]) -> None:
    """Turn this child into the command, run by `owner` (user id, group id). Never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (*HEARD, *IGNORED_BY_PYTHON):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)
        os.get_exec_path()  # Imports what execvp needs, while Python's own library is surely within reach.
        if owner:
            user, group = owner
            os.setgroups([group])
            os.setgid(group)
            os.setuid(user)
        os.execvp(command[0], command)
    except Exception as error:  # noqa: BLE001 - a child that cannot become the command must say so, and end
        os.write(2, f"guard: cannot start {command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def watch(pid: int, signals: int, *, parent: int | None = None, within_s: float | None = None) -> int | None:
    """The command's wait status; None once `within_s` is over, or, given the parent's pid, once a stop is asked for."""
    deadline = None if within_s is None else time.monotonic() + within_s
    sources = [signals] if parent is None else [signals, STDIN]
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        left_s = LOOK_UP_S if deadline is None else min(LOOK_UP_S, deadline - time.monotonic())
        if left_s <= 0:
            return None
        ready, _, _ = select.select(sources, [], [], left_s)
        heard = os.read(signals, 512) if signals in ready else b""
        # Standard input stays open when a fork of the launcher holds its other end: the parent tells as well.
        asked = STDIN in ready or any(number in ASKED_TO_STOP for number in heard) or os.getppid() != parent
        if parent is not None and asked:
            return None


def kill_group(pid: int) -> None:
    """Kill whatever is left in the command's process group."""
    # macOS answers EPERM where only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
