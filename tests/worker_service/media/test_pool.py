"""The pool survives whatever becomes of its members, and every file gets an answer."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from dramatiq.middleware import TimeLimitExceeded
from dramatiq.middleware.threading import raise_thread_exception

from tests.worker_service.media.unruly import ANSWERED, COMMAND, SOUND
from tests.worker_service.waiting import until
from worker_service.media.findings import Examined
from worker_service.media.limits import Limits
from worker_service.media.pool import MediaPool, NotStarted, PoolClosed
from worker_service.media.process import environment

pytestmark = pytest.mark.system

LIMITS = Limits(memory_bytes=256 << 20, cpu_s=1, wall_s=60)
MANY_S = 1000

Do = Callable[[str], Examined]


@pytest.fixture(scope="module")
def unruly() -> Iterator[MediaPool]:
    pool = MediaPool(1, LIMITS, COMMAND)
    yield pool
    pool.close()


@pytest.fixture
def do(unruly: MediaPool, tmp_path: Path) -> Do:
    return lambda deed: examined(unruly, deed, tmp_path)


def examined(pool: MediaPool, deed: str, folder: Path) -> Examined:
    file = folder / "output"
    file.write_text(deed)
    return pool.examine(file, "a.png")


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("burn with the interpreter held", "it takes more than 1 s of processor time"),
        ("crash", "its decoder crashed (SIGSEGV)"),
        ("be killed", "its decoder was killed twice, probably for lack of memory"),
        ("exit", "its decoder failed: it ended with status 0"),
        ("raise", "its decoder failed: it ended with status 1"),
        ("raise oddly", f"caf\\xe9 \\ud800  {'x' * 10_000}"[:297] + "..."),
        ("take memory", "it needs more than 256 MiB of memory"),
        ("take memory piece by piece", "it needs more than 256 MiB of memory"),
        ("open", "Too many open files"),
        ("write", "File too large"),
        ("babble", "its decoder failed: it answered a message of 4294967295 bytes"),
        ("babble for ever", "its decoder failed: it answered no message: KeyError"),
        ("stop in the middle of an answer", "its decoder failed: it ended with status 0"),
        ("close its pipe", "its decoder failed: it closed its pipe"),
        *((answer, "its decoder failed: it answered ") for answer in ANSWERED),
    ],
)
def test_what_becomes_of_a_member_is_told_of_its_file_and_the_next_file_is_examined(
    do: Do, deed: str, why: str
) -> None:
    media, thumbnails, note = do(deed)
    assert note is not None
    assert note.startswith(f"it cannot be examined within limits: {why}")
    assert (media.kind, media.media_type, media.undecoded) == ("image", "application/octet-stream", note)
    assert (media.width, media.height, media.duration_ms, thumbnails) == (None, None, None, ())
    assert do("sound") == SOUND


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    pool = MediaPool(1, LIMITS._replace(wall_s=1), COMMAND)
    note = examined(pool, "hang", tmp_path).note
    assert note == "it cannot be examined within limits: it takes more than 1 s"
    pool.close()


def test_a_member_that_not_even_the_kernel_ends_in_time_is_ended_by_the_worker(tmp_path: Path) -> None:
    pool = MediaPool(1, LIMITS._replace(wall_s=1), COMMAND)
    assert str(examined(pool, "hang with the time limit blocked", tmp_path).note).endswith("did not answer in time")
    assert examined(pool, "sound", tmp_path) == SOUND
    pool.close()


def test_a_member_that_somebody_kills_costs_its_file_nothing(do: Do) -> None:
    assert do("be killed once") == SOUND


def test_what_a_library_prints_is_no_answer(do: Do) -> None:
    assert do("print") == SOUND


def test_a_member_that_died_while_it_was_idle_is_replaced(unruly: MediaPool, do: Do) -> None:
    do("sound")
    (member,) = unruly.idle
    member.process.kill()
    assert do("sound") == SOUND


def test_signals_for_the_worker_do_not_end_its_members(unruly: MediaPool, do: Do) -> None:
    do("sound")
    (member,) = unruly.idle
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGIO):
        member.process.send_signal(number)
    assert do("sound") == SOUND
    assert unruly.idle == [member]


def test_threads_take_turns_at_no_more_members_than_there_may_be(tmp_path: Path) -> None:
    pool = MediaPool(2, LIMITS, COMMAND)
    (tmp_path / "output").write_text("sound")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: pool.examine(tmp_path / "output", "a.png"), range(40)))
    assert found == [SOUND] * 40
    assert 1 <= len(pool.idle) <= 2
    assert not pool.busy
    pool.close()


def test_a_time_limit_interrupts_a_thread_that_waits_and_the_member_is_ended(tmp_path: Path) -> None:
    pool = MediaPool(1, LIMITS._replace(wall_s=MANY_S), COMMAND)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            examined(pool, "hang", tmp_path)
        except TimeLimitExceeded as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: any(pool.busy.values()))
    (member,) = pool.busy.values()
    assert member
    assert thread.ident
    raise_thread_exception(thread.ident, TimeLimitExceeded)  # type: ignore[no-untyped-call]  # dramatiq's own
    thread.join()
    assert len(raised) == 1
    assert member.process.returncode in {-signal.SIGKILL, -signal.SIGIO}
    assert examined(pool, "sound", tmp_path) == SOUND
    pool.close()


def test_closing_ends_every_member_and_tells_who_waits(tmp_path: Path) -> None:
    pool = MediaPool(1, LIMITS._replace(wall_s=MANY_S), COMMAND)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(examined, pool, "hang", tmp_path) for _ in range(2)]
        until(lambda: any(pool.busy.values()))
        (member,) = pool.busy.values()
        pool.close()
        for one in waiting:
            with pytest.raises(PoolClosed):
                one.result()
    assert member
    assert member.process.returncode is not None
    with pytest.raises(PoolClosed):
        examined(pool, "sound", tmp_path)


def test_members_that_cannot_be_started_are_no_fault_of_a_file(tmp_path: Path) -> None:
    pool = MediaPool(1, LIMITS, (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(NotStarted, match="status 3"):
        examined(pool, "sound", tmp_path)
    assert not pool.busy
    pool.warm()
    pool.close()


def test_a_member_knows_no_address_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/database")
    assert "secret" not in "".join(environment().values())


WORKER = """
import sys
from pathlib import Path
from worker_service.media.limits import Limits
from worker_service.media.pool import MediaPool
pool = MediaPool(1, Limits(cpu_s=1000, wall_s=1000), sys.argv[2:])
pool.warm()
print(pool.idle[0].process.pid, flush=True)
pool.examine(Path(sys.argv[1]), "a.png")
input()
"""


@pytest.mark.parametrize("deed", ["sound", "hang", "burn with the interpreter held"])
def test_a_member_ends_with_its_worker_however_that_ends(deed: str, tmp_path: Path) -> None:
    file = tmp_path / "output"
    file.write_text(deed)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(file), *COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert worker.stdin
    assert worker.stdout
    with worker.stdin, worker.stdout:
        member = psutil.Process(int(next(line for line in worker.stdout if line.strip().isdigit())))
        if deed != "sound":
            # It has the file: only then is it deaf to the pipe.
            until(lambda: handler_of(member.pid, signal.SIGIO) is signal.SIG_DFL)
        worker.kill()
        worker.wait()
    until(lambda: not member.is_running() or member.status() == psutil.STATUS_ZOMBIE)


def handler_of(pid: int, number: signal.Signals) -> signal.Handlers:
    """Whether a process ignores a signal; on other systems than Linux that is not known."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return signal.SIG_DFL
    (ignored,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigIgn"))
    return signal.SIG_IGN if int(ignored, 16) >> (number - 1) & 1 else signal.SIG_DFL


def test_no_member_is_left_when_the_pool_is_closed(tmp_path: Path) -> None:
    pool = MediaPool(1)
    pool.warm()
    (member,) = pool.idle
    pool.close()
    assert member.process.returncode == 0
    assert not psutil.pid_exists(member.process.pid) or os.name != "posix"
