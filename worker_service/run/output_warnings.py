"""What a job says of outputs that cannot be read, or are not what they seem."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.jobs.errors import GenerationError
from shared.jobs.warnings import JobWarning, WarningCode
from shared.models import JobOutput, OutputKind
from shared.workflows.sent_only import sending_nodes, sent_only
from worker_service.comfyui.history_outputs import OutputFile, OutputText
from worker_service.comfyui.wanted import Wanted


def warning_of(error: GenerationError, output: OutputFile | OutputText) -> JobWarning:
    return JobWarning(WarningCode(error.code), str(error), output.node_id, getattr(output, "filename", None))


def empty_warning(row: JobOutput) -> list[JobWarning]:
    """A warning of a file without bytes; a text may have none."""
    if row.size_bytes or row.kind is OutputKind.TEXT:
        return []
    return [JobWarning(WarningCode.OUTPUT_EMPTY, f"output {row.number} has no bytes", row.node_id, row.server_filename)]


def not_kept(workflow: Mapping[str, Any], wanted: Wanted) -> list[JobWarning]:
    """A warning of each node whose pictures were wanted, and went over the WebSocket alone."""
    return [
        JobWarning(WarningCode.OUTPUT_NOT_KEPT, sent_only(class_type), node_id)
        for node_id, class_type in sending_nodes(workflow).items()
        if wanted.nodes is None or node_id in wanted.nodes
    ]


def summed_up(errors: Sequence[GenerationError]) -> GenerationError:
    """The first of the errors, for which the job fails, and how many there are."""
    first = errors[0]
    if len(errors) > 1:
        first.args = (f"none of the {len(errors)} outputs can be read; the first: {first}",)
    return first
