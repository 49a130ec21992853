"""ComfyUI's own log says when an exception has ended the thread that runs prompts.

A thread that has ended and a node that says nothing look alike in `/queue`, `/api/jobs` and on the socket; that was
measured on ComfyUI 0.33, and so was what the log shows: the interpreter writes an uncaught exception line by line, and
ComfyUI keeps each piece as an entry of its own. It keeps 300, so that the first lines of a long traceback may be gone.
Where the thread was ended by SystemExit nothing is written, and `/internal/logs` is for ComfyUI's own pages, so that
another version may not have it: the log can prove that the thread has ended, and never that it lives.
"""

from collections.abc import Sequence

from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import Bounds

PATH = "/internal/logs/raw"
BOUNDS = Bounds(8 * 1024 * 1024, within_s=5)  # 10 to 50 kB is usual
HEADER, THREAD, GOES_ON = "Exception in thread ", "(prompt_worker)", "Prompt executed in "
NEAR = 20  # entries: others may be written in between
FRAME, PLACES = '  File "', ('/execution.py", line ', '\\execution.py", line ', ", in prompt_worker\n")


def read_log(client: ComfyUIClient) -> list[str]:
    """The latest entries of the server's log, the oldest first. Raises ComfyUIUnreachable where it cannot be read."""
    return entries_of(client.json_object(client.ask("GET", PATH, bounds=BOUNDS).content, PATH))


def entries_of(answer: dict[str, object]) -> list[str]:
    entries = answer.get("entries")
    found = [entry.get("m") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [text for text in found if isinstance(text, str)]


def says_that_the_thread_ended(entries: Sequence[str]) -> bool:
    """Whether an exception left the thread that runs prompts, and no prompt was brought to an end since."""
    last = max((place for place, text in enumerate(entries) if is_notice(entries, place, text)), default=None)
    return last is not None and not any(GOES_ON in text for text in entries[last + 1 :])


def is_notice(entries: Sequence[str], place: int, text: str) -> bool:
    """The first line that the interpreter writes, or a frame of ComfyUI's execution that it writes as one entry. What
    is logged, or printed by a node, is an entry with more lines than this one."""
    if text.endswith(HEADER):
        return any(THREAD in near for near in entries[place + 1 : place + NEAR])
    if HEADER in text and THREAD in text:
        return True
    is_one_line = text.startswith(FRAME) and text.count("\n") == 1 and text.endswith("\n")
    return is_one_line and any(found in text for found in PLACES)
