"""A launcher that `make` has started stops when `make` is gone, even if that was killed and could not say so."""

import os
import signal
import threading
import time

LOOK_S = 0.5


def end_with_parent() -> None:
    """From now on, end this process as by SIGTERM once its parent is gone."""
    threading.Thread(target=watch, args=(os.getppid(),), name="parent", daemon=True).start()


def watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
