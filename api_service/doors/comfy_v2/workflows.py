"""The workflow of a submission, as this door's clients speak of it: what it must not be, and what is wrong with it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.refusals.refusal import FieldError, Refusal, in_words
from api_service.submit.checks import node_and_part
from shared.workflows.envelopes import EXPORT, is_of_editor


def refuse_what_is_no_workflow(workflow: Mapping[str, Any]) -> None:
    """Raises Refusal: workflow_format_ui, for what the editor saves."""
    if is_of_editor(workflow):
        raise Refusal(ComfyCode.WORKFLOW_FORMAT_UI, EXPORT)


def invalid_workflow(errors: Sequence[FieldError], workflow: Mapping[str, Any]) -> Refusal:
    """What is wrong with a workflow, by node. The fields are paths in the graph: `4.inputs.ckpt_name`.

    Where nothing is wrong but that assets are not there, the code says that.
    """
    by_node: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    whole: list[dict[str, str]] = []
    for error in errors:
        node_id, part = node_and_part(error.field, workflow)
        wrong = {"field": part, "reason": error.code, "message": error.message}
        (whole if node_id is None else by_node[node_id]).append(wrong)
    details = {"node_errors": dict(by_node), **({"workflow_errors": whole} if whole else {})}
    missing = all(error.code == ComfyCode.MISSING_ASSET for error in errors)
    code = ComfyCode.MISSING_ASSET if missing else ComfyCode.INVALID_WORKFLOW
    return Refusal(code, in_words(errors), errors=errors, details=details)
