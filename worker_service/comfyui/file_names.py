"""Which of the names that a node gives its files are asked for: those that stay within ComfyUI's folders. Pure."""

import re
from pathlib import PurePosixPath, PureWindowsPath

from shared.database.storable import UNSTORABLE
from worker_service.comfyui.history_outputs import OutputFile

FOLDERS = frozenset({"output", "temp", "input"})
LONGEST = 1024  # characters
ENDING = re.compile(r"\.[a-z0-9]{1,16}")
SEPARATOR = re.compile(r"[/\\]")


def ending_of(filename: str) -> str:
    """What our own name of a file ends in: as ComfyUI's does, if that is a plain ending."""
    suffix = PurePosixPath(filename).suffix.lower()
    return suffix if ENDING.fullmatch(suffix) else ""


def why_refused(file: OutputFile) -> str | None:
    """What is wrong with the name of a file, as a sentence; None if nothing is."""
    if not file.filename.strip():
        return "it has no name"
    if file.type not in FOLDERS:
        return f"its type is {file.type[:LONGEST]!r}, and must be one of {', '.join(sorted(FOLDERS))}"
    for part in (file.filename, file.subfolder):
        if len(part) > LONGEST:
            return f"its name or folder has more than {LONGEST} characters"
        if UNSTORABLE.search(part):
            return "its name or folder has a character that no address can have"
        # A server may be a Windows machine, with `\` in its folders.
        if ".." in SEPARATOR.split(part) or PureWindowsPath(part).anchor:
            return "its name or folder leads out of ComfyUI's folders"
    return None
