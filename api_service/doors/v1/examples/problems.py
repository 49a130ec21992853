"""What each refusal looks like."""

from enum import StrEnum
from typing import Any

from api_service.http.problems import STATUSES, TEXTS, ProblemBody
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code
from api_service.refusals.refusal import FieldError

WRONG_FIELDS: dict[StrEnum, FieldError] = {
    Code.INVALID_FIELDS: FieldError(field="width", message="Input should be a multiple of 8", code="multiple_of"),
    RequestCode.INVALID_QUERY: FieldError(field="limit", message="Input should be at most 200", code="less_than_equal"),
}


def problem_example(code: StrEnum) -> dict[str, Any]:
    """What a refusal with this code looks like."""
    wrong, status = WRONG_FIELDS.get(code), STATUSES[code]
    body = ProblemBody(
        title=status.phrase,
        status=status,
        code=code,
        detail=TEXTS[code],
        errors=(wrong,) if wrong else None,
    )
    return body.model_dump(mode="json", exclude_none=True)
