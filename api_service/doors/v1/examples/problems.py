"""What each refusal looks like."""

from typing import Any

from api_service.refusals.codes import MEANINGS, Code
from api_service.refusals.problems import FieldError, ProblemBody

WRONG_FIELDS = {
    Code.INVALID_FIELDS: FieldError(field="width", message="Input should be a multiple of 8", code="multiple_of"),
    Code.INVALID_QUERY: FieldError(field="limit", message="Input should be at most 200", code="less_than_equal"),
}


def problem_example(code: Code) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    wrong = WRONG_FIELDS.get(code)
    body = ProblemBody(
        title=code.status.phrase,
        status=code.status,
        code=code,
        detail=MEANINGS[code].text,
        errors=(wrong,) if wrong else None,
    )
    return body.model_dump(mode="json", exclude_none=True)
