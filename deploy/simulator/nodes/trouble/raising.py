"""SimulatedRaise fails in a way of your choice; the first five ways cost the server its worker thread.

surrogate, unprintable                       an error that cannot be logged
system_exit, keyboard_interrupt, base_exception   no Exception, so nothing catches it
nul, empty_message, plain                    reported as it is
huge_message, many_letters                   reported: so many MB of words, or of one letter
told_surrogate                               reported: the log of this server can take such a text
interrupt                                    no error: it ends the run as *Cancel* does
"""

from collections.abc import Callable, Mapping

from deploy.simulator.faults.hazards import Interrupted
from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.trouble.declaring import MEGABYTES, MIB, troublesome


class LoggedError(ValueError):
    """As on a server whose log takes everything."""

    can_be_logged = True
    reported_as = "ValueError"


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot be printed")


RAISED: Mapping[str, Callable[[int], BaseException]] = {
    "surrogate": lambda _size: ValueError("\ud800"),
    "system_exit": lambda _size: SystemExit(1),
    "keyboard_interrupt": lambda _size: KeyboardInterrupt(),
    "nul": lambda _size: ValueError("before\x00after"),
    "told_surrogate": lambda _size: LoggedError("\ud800"),
    "huge_message": lambda size: ValueError("word " * (size // 5)),
    "empty_message": lambda _size: ValueError(),
    "many_letters": lambda size: ValueError("x" * size),
    "base_exception": lambda _size: BaseException("bare"),
    "unprintable": lambda _size: UnprintableError(),
    "plain": lambda _size: ValueError("plain"),
    "interrupt": lambda _size: Interrupted(),
}


def fail(_bench: Workbench, inputs: Inputs) -> Result:
    raise RAISED[inputs["what"]](inputs["megabytes"] * MIB)


RAISE: Node = troublesome("SimulatedRaise", {"what": (tuple(RAISED),), "megabytes": MEGABYTES}, fail)
