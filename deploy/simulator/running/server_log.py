"""The server's own log, as its pages show it: the latest 300 pieces of what was written, each with its moment.

The interpreter writes an exception that nobody caught piece by piece, each mark below a line on its own, so that a long
traceback drives out its own beginning. It writes nothing of a SystemExit. Measured on ComfyUI 0.33.0 and Python 3.11.
"""

import threading
import traceback
from collections import deque
from datetime import datetime

CAPACITY = 300
FRAMES = (("main.py", "prompt_worker"), ("execution.py", "execute"), ("execution.py", "process_inputs"))


class ServerLog:
    """Written by the thread that runs prompts and by the one that serves; read by the latter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, str]] = deque(maxlen=CAPACITY)

    def write(self, *pieces: str) -> None:
        with self._lock:
            self._entries.extend({"t": datetime.now().isoformat(), "m": piece} for piece in pieces)  # noqa: DTZ005

    def page(self) -> dict[str, object]:
        with self._lock:
            return {"entries": list(self._entries), "size": {"cols": 80, "rows": 24}}

    def uncaught(self, error: BaseException) -> None:
        """What the interpreter writes when a thread ends with this exception."""
        if isinstance(error, SystemExit):
            return
        self.write("Exception in thread ", "Thread-1 (prompt_worker)", ":\n", "Traceback (most recent call last):\n")
        for module, function in FRAMES:
            code = f"await {function}(...)"
            self.write(f'  File "/comfyui/{module}", line 1, in {function}\n', "    ", code, "\n", *"^" * 100, "\n")
        self.write(*(traceback.format_exception_only(error)[-1].partition(": ")))
