"""A decoder steps back where others want the processor, such as a ComfyUI on its machine, whose GPU waits."""

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10  # a tenth of what others get, where all want more than there is
GROUP = Path("/proc/self/autogroup")  # such as `/autogroup-21 nice 0`


def step_back() -> None:
    """Lower the priority of this process, in a session of its own. It is never raised.

    Linux shares the processor between sessions first, and between the processes of each by their niceness: against
    those of another session only that of the group counts (sched(7), "The autogroup feature"). Where processes are
    grouped otherwise, as in containers, the niceness counts within such a group.
    """
    with suppress(OSError):  # it leads a session already
        os.setsid()
    if os.getpriority(os.PRIO_PROCESS, 0) < NICENESS:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    if niceness_of_group() < NICENESS:
        with suppress(OSError):
            GROUP.write_text(str(NICENESS))


def niceness_of_group() -> int:
    """That of this session; that of a last one where the system does not group by sessions."""
    try:
        return int(GROUP.read_text().rpartition(" ")[2])
    except (OSError, ValueError):
        return NICENESS
