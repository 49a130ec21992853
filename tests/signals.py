"""Programs are started as from a terminal, wherever the tests were: in the background SIGINT is ignored, and inherited.

`preexec_fn` would do this too, but runs Python in a copy of a process with threads: that can hang for ever on a lock
which one of them held. The time limit of the test then ends the process of all tests.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

AS_IN_A_TERMINAL = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def heeding(*, ignoring: signal.Signals | None = None) -> Iterator[None]:
    """What is started in the block heeds both signals but the one it is to ignore. Only for the main thread."""
    with ExitStack() as restored:
        for number in AS_IN_A_TERMINAL:
            before = signal.getsignal(number)
            if number == ignoring:
                signal.signal(number, signal.SIG_IGN)
            elif before is signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)  # a program that is started has the default for it
            restored.callback(signal.signal, number, before)
        yield
