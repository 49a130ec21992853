"""A member of the media pool: it examines one file after the other, until its worker closes the pipe.

Started as `python -m worker_service.media.member`, with its limits as numbers. What decodes here is written in C, and
what it decodes comes from outside: so this process has nothing that could be harmed, and can be ended at any time.
"""

import fcntl
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from worker_service.media.examine import examine, prepare
from worker_service.media.findings import BeyondLimits, Damaged, Examined, plain
from worker_service.media.limits import Limits, limit_this_process, start_clocks, stop_clocks
from worker_service.media.messages import packed, unpacked
from worker_service.media.priority import step_back

QUESTIONS = 0
Examine = Callable[[Path, str], Examined]
MOST_FILES = 1000  # then the worker starts another, so that what libraries leak never adds up


def main(examine: Examine = examine) -> None:
    limits = Limits(*map(int, sys.argv[1:]))
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    leave_signals_to_the_worker()
    step_back()
    limit_this_process(limits)
    prepare()
    gc.freeze()  # what is there now is not looked at again
    write(answers, packed({"last": False}))
    for left in reversed(range(MOST_FILES)):
        try:
            question, _ = unpacked(from_the_worker)
        except EOFError:
            return
        end_with_the_worker(signal.SIG_DFL)
        start_clocks(limits)
        answer, parts, is_last = answered(partial(examine, Path(question["file"]), question["suffix"]), limits)
        stop_clocks()
        end_with_the_worker(signal.SIG_IGN)
        is_last = is_last or not left
        write(answers, packed({**answer, "last": is_last}, parts))
        if is_last:
            return
        gc.collect()  # a decoded picture in a circle of references is 350 MB


def leave_signals_to_the_worker() -> None:
    """A terminal and some supervisors signal all processes at once. This one ends when the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_with_the_worker(signal.SIG_IGN)
    with suppress(OSError):  # a system that cannot do this leaves it to the limits of time
        fcntl.fcntl(QUESTIONS, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(QUESTIONS, fcntl.F_SETFL, fcntl.fcntl(QUESTIONS, fcntl.F_GETFL) | os.O_ASYNC)


def end_with_the_worker(action: signal.Handlers) -> None:
    """The kernel sends SIGIO when the pipe is closed: it ends this process even where it would not look at the pipe
    for a minute. Between two files it is ignored, since a question sends it too."""
    signal.signal(signal.SIGIO, action)


def from_the_worker(length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = os.read(QUESTIONS, length - len(content))
        if not more:
            raise EOFError
        content += more
    return content


def write(pipe: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]


def answered(examining: Callable[[], Examined], limits: Limits) -> tuple[dict[str, Any], list[bytes], bool]:
    """The answer about a file, its thumbnails, and whether this process has seen its limit of memory and should end."""
    try:
        found = examining()
    except Damaged as error:
        return {"damaged": plain(str(error))}, [], False
    except BeyondLimits as error:
        return {"beyond": plain(str(error))}, [], False
    except MemoryError:
        return {"beyond": f"it needs more than {limits.memory_bytes >> 20} MiB of memory"}, [], True
    sizes = [{"size": one.size, "width": one.width, "height": one.height} for one in found.thumbnails]
    answer = {"media": found.media._asdict(), "thumbnails": sizes, "note": found.note}
    return answer, [one.content for one in found.thumbnails], False


if __name__ == "__main__":
    main()
