"""What the owner of a completed job should know of its outputs: a list on the job's row, short and of bounded size."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from shared.database.storable import name

MOST_WARNINGS = 100
LONGEST_MESSAGE = 500  # characters


class WarningCode(StrEnum):
    """What there is to say. Stable, and public."""

    NO_OUTPUTS = "no_outputs"  # the run showed nothing that counts as an output
    OUTPUT_CORRUPT = "output_corrupt"
    OUTPUT_MISSING = "output_missing"
    OUTPUT_WITHHELD = "output_withheld"  # ComfyUI fails whenever it is asked for it
    OUTPUT_REFUSED = "output_refused"  # its name leads out of ComfyUI's folders, or is none
    OUTPUT_TOO_LARGE = "output_too_large"
    OUTPUT_EMPTY = "output_empty"  # it is kept, and has no bytes
    OUTPUT_NOT_KEPT = "output_not_kept"  # its node sends it over ComfyUI's WebSocket, once
    OUTPUTS_LEFT_OUT = "outputs_left_out"  # there are more than are kept
    MORE_WARNINGS = "more_warnings"


class JobWarning(NamedTuple):
    """One thing to know: of which node, and of which of ComfyUI's files, where it is about one."""

    code: WarningCode
    message: str
    node_id: str | None = None
    filename: str | None = None


def warning_data(warnings: Sequence[JobWarning]) -> list[dict[str, Any]]:
    """The warnings as a job's row keeps them: others have a say in their words, so each is cut and made storable."""
    shown = list(warnings[:MOST_WARNINGS])
    if left_out := len(warnings) - len(shown):
        shown.append(JobWarning(WarningCode.MORE_WARNINGS, f"{left_out} more warnings are not shown"))
    return [
        {
            "code": warning.code,
            "message": name(warning.message, LONGEST_MESSAGE),
            "node_id": warning.node_id and name(warning.node_id),
            "filename": warning.filename and name(warning.filename),
        }
        for warning in shown
    ]
