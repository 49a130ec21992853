"""What the owner of a job reads of outputs that are not as they should be."""

from collections.abc import Sequence

from shared.jobs.errors import GenerationError
from shared.jobs.warnings import JobWarning, WarningCode
from shared.models import JobOutput, OutputKind
from worker_service.comfyui.shown import OutputFile, OutputText


def warning_of(error: GenerationError, output: OutputFile | OutputText) -> JobWarning:
    return JobWarning(WarningCode(error.code), str(error), output.node_id, getattr(output, "filename", None))


def empty_warning(row: JobOutput) -> list[JobWarning]:
    """A warning of a file without bytes; a text may have none."""
    if row.size_bytes or row.kind is OutputKind.TEXT:
        return []
    return [JobWarning(WarningCode.OUTPUT_EMPTY, f"output {row.number} has no bytes", row.node_id, row.server_filename)]


def summed_up(errors: Sequence[GenerationError]) -> GenerationError:
    """The first of the errors, for which the job fails, and how many there are."""
    first = errors[0]
    if len(errors) > 1:
        first.args = (f"none of the {len(errors)} outputs can be read; the first: {first}",)
    return first
