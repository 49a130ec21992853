"""A launcher's processes start in order, are watched, and stop in reverse order whatever happens."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.local.process import Command, Process, Processes, ProcessFailed
from tests.deploy_local.watching import PATIENCE_S, gone, until

pytestmark = pytest.mark.system


def command(folder: Path, script: str, name: str = "service", grace_s: float = 10) -> Command:
    return Command(name=name, arguments=("sh", "-c", script), log=folder / "logs" / f"{name}.log", grace_s=grace_s)


def test_its_pid_is_the_services_own(folder: Path) -> None:
    process = Process.start(command(folder, "echo $$; exit 5"))
    assert process.wait(PATIENCE_S) == 5
    assert process.tail() == str(process.pid)
    assert not process.running


def test_a_stop_asks_and_can_be_repeated(folder: Path) -> None:
    process = Process.start(command(folder, "trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.05; done"))
    process.wait_until(lambda: "up" in process.tail(), within_s=PATIENCE_S)
    assert process.running
    assert process.stop() == 6
    assert process.stop() == 6
    assert process.tail() == "up\nbye"


def test_a_stop_has_a_bound(folder: Path) -> None:
    process = Process.start(command(folder, "trap '' TERM; echo up; while :; do sleep 0.05; done", grace_s=60))
    process.wait_until(lambda: "up" in process.tail(), within_s=PATIENCE_S)
    assert process.stop(0.1) == 137
    assert gone(process.pid)


def test_a_kill_is_a_crash_of_the_service(folder: Path) -> None:
    process = Process.start(command(folder, "sleep 60"))
    process.kill()
    assert process.wait(PATIENCE_S) == 137
    process.kill()


def test_waiting_for_a_running_process_has_a_bound(folder: Path) -> None:
    process = Process.start(command(folder, "sleep 60"))
    try:
        with pytest.raises(TimeoutError, match="service still runs"):
            process.wait(0.05)
    finally:
        process.stop()


def test_who_waits_for_a_process_that_ended_sees_its_log(folder: Path) -> None:
    process = Process.start(command(folder, "echo no such database; exit 1"))
    with pytest.raises(ProcessFailed, match="service ended with code 1") as failed:
        process.wait_until(lambda: False, within_s=PATIENCE_S)
    assert failed.value.tail == "no such database"


def test_who_waits_too_long_sees_the_log(folder: Path) -> None:
    process = Process.start(command(folder, "echo starting; exec sleep 60"))
    try:
        process.wait_until(lambda: "starting" in process.tail(), within_s=PATIENCE_S)
        with pytest.raises(ProcessFailed, match=r"was not ready within 0\.1 s.*\nstarting"):
            process.wait_until(lambda: False, within_s=0.1)
    finally:
        process.stop()


def test_a_log_is_kept_but_the_tail_is_of_this_run(folder: Path) -> None:
    for word in ("first", "second"):
        process = Process.start(command(folder, f"for n in 1 2 3; do echo {word} $n; done"))
        process.wait(PATIENCE_S)
    assert process.tail(2) == "second 2\nsecond 3"
    assert "first 1\n" in process.command.log.read_text()


def test_it_gets_the_environment_and_folder_given_and_no_other(folder: Path) -> None:
    given = Command(
        name="env",
        arguments=(sys.executable, "-c", "import os; print(os.getcwd(), os.environ.get('HOME'), os.environ['A'])"),
        log=folder / "log",
        cwd=folder,
        environ={"A": "1"},
    )
    process = Process.start(given)
    assert process.wait(PATIENCE_S) == 0, process.tail()
    assert process.tail() == f"{folder.resolve()} None 1"


def test_a_service_whose_guard_was_killed_is_still_stopped(folder: Path) -> None:
    process = Process.start(command(folder, "exec sleep 60"))
    os.kill(process.guard.pid, signal.SIGKILL)
    process.stop()
    until(lambda: gone(process.pid))


def farewell(folder: Path, name: str) -> Command:
    """A service that notes when it stops."""
    script = f"trap 'echo {name} >> {folder}/order; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    return command(folder, script, name)


def up(process: Process) -> None:
    process.wait_until(lambda: "up" in process.tail(), within_s=PATIENCE_S)


def test_they_stop_in_reverse_order(folder: Path) -> None:
    with Processes(*(farewell(folder, name) for name in "abc")) as processes:
        assert [process.name for process in processes] == ["a", "b", "c"]
        for process in processes:
            up(process)
    assert (folder / "order").read_text().split() == ["c", "b", "a"]


def test_an_error_among_them_stops_all(folder: Path) -> None:
    def fail() -> None:
        with Processes() as processes:
            up(processes.start(farewell(folder, "a")))
            up(processes.start(farewell(folder, "b")))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert (folder / "order").read_text().split() == ["b", "a"]


def test_one_that_cannot_start_stops_those_before_it(folder: Path) -> None:
    astray = Command(name="astray", arguments=("true",), log=folder / "log", cwd=folder / "missing")
    processes = Processes(command(folder, "exec sleep 60", "a"), astray)
    with pytest.raises(FileNotFoundError), processes:
        pytest.fail("entered")
    assert gone(processes["a"].pid)


def test_an_error_while_one_stops_leaves_none_running(folder: Path) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    processes = Processes()
    first = processes.start(command(folder, "exec sleep 60", "a"))
    processes.stops.callback(fail)
    last = processes.start(command(folder, "exec sleep 60", "b"))
    with pytest.raises(RuntimeError, match="no"):
        processes.stop()
    assert gone(first.pid)
    assert gone(last.pid)


def test_one_that_ended_can_be_started_again(folder: Path) -> None:
    with Processes(command(folder, "exec sleep 60", "a")) as processes:
        with pytest.raises(ValueError, match="a runs already"):
            processes.start(processes["a"].command)
        killed = processes["a"]
        killed.kill()
        killed.wait(PATIENCE_S)
        again = processes.start(killed.command)
        assert processes["a"] is again
        assert again.running
    assert gone(again.pid)
