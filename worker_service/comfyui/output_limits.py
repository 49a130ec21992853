"""A job keeps a bounded number of outputs, and says how many it left out."""

from collections import Counter
from collections.abc import Iterable, Iterator

from shared.jobs.warnings import JobWarning, WarningCode
from worker_service.comfyui.history_outputs import Output, OutputFile, OutputText

MOST_FILES = 10_000
MOST_TEXTS = 1_000  # numbers are texts too
MOST_TEXT = 16 * 1024 * 1024  # characters in all
BOUNDS = {
    "files": f"a job keeps its first {MOST_FILES:,} files",
    "texts and numbers": f"a job keeps its first {MOST_TEXTS:,} texts and numbers, {MOST_TEXT:,} characters in all",
    "values": "they lie too deep in lists and objects",
}


class Room:
    """What a job may still keep."""

    def __init__(self) -> None:
        self.files, self.texts, self.characters = MOST_FILES, MOST_TEXTS, MOST_TEXT
        self.left_out: Counter[str] = Counter()

    def within(self, shown: Iterable[Output]) -> Iterator[OutputFile | OutputText]:
        """Those outputs for which there is room."""
        for output in shown:
            match output:
                case OutputFile() if self.files:
                    self.files -= 1
                    yield output
                case OutputFile():
                    self.left_out["files"] += 1
                case OutputText() if self.texts and len(output.text) <= self.characters:
                    self.texts -= 1
                    self.characters -= len(output.text)
                    yield output
                case OutputText():
                    self.left_out["texts and numbers"] += 1
                case _:
                    self.left_out["values"] += 1

    def warnings(self) -> list[JobWarning]:
        return [
            JobWarning(WarningCode.OUTPUTS_LEFT_OUT, f"{number:,} {what} were left out: {BOUNDS[what]}")
            for what, number in self.left_out.items()
        ]
