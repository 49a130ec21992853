"""Answers that every door gives: a model or plain data as JSON, and headers about the rate limit."""

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from api_service.limits.rates import Rate


def answer_with(view: BaseModel, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    return Response(view.model_dump_json(), status_code=status, headers=headers, media_type="application/json")


class Json(Response):
    """Plain data as JSON, with blanks as Python writes it: some programs look for `{"type":` in the text."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def as_answer(result: BaseModel | Response) -> Response:
    """A response as it is; a model as JSON with status 200."""
    return answer_with(result) if isinstance(result, BaseModel) else result


def rate_headers(rate: Rate | None) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers-06. `Reset` is when one more remains than now."""
    if rate is None:
        return {}
    return {
        "RateLimit-Limit": str(rate.most),
        "RateLimit-Remaining": str(rate.remaining),
        "RateLimit-Reset": str(rate.reset_s),
        "RateLimit-Policy": f"{rate.most};w={rate.window.length_s}",
    }
