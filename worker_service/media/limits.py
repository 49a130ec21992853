"""What examining one file may cost. The kernel holds a member of the pool to this, whatever decodes in it."""

import math
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LIKELIEST_VICTIM = "1000"  # when memory runs out, the kernel ends a member before any worker or database


class Limits(NamedTuple):
    """One file's. Memory, open files and written bytes are those of the whole member."""

    memory_bytes: int = 2 << 30  # of all pictures within Pillow's limit, an animated WEBP takes the most: 1.8 GB
    cpu_s: int = 60
    wall_s: int = 600  # ten times as long: where all cores are busy, who steps back has a tenth of one
    open_files: int = 64
    written_bytes: int = 1 << 20  # nothing is written but a traceback


def limit_this_process(limits: Limits) -> None:
    """Set what does not change from file to file. macOS takes the limit of memory and ignores it."""
    bounds = {
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.written_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for which, bound in bounds.items():
        hard = resource.getrlimit(which)[1]
        lower = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(which, (lower, lower))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(LIKELIEST_VICTIM)


def start_clocks(limits: Limits) -> None:
    """From now on one file is examined. The kernel ends this process by SIGXCPU or SIGALRM when its time is over, even
    where no line of Python is reached any more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + limits.cpu_s, hard))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)


def stop_clocks() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
