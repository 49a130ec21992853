"""What can be refused where a ComfyUI tells of its prompts."""

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal


def invalid_signature(reason: str) -> Refusal:
    return Refusal(Code.INVALID_SIGNATURE, reason)
