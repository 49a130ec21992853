"""What the document promises of every operation that makes pictures."""

from api_service.doors.idempotency_key import HEADER
from api_service.doors.openai.answers.codes import ImageCode
from api_service.doors.openai.answers.views import ImagesView
from api_service.http.operations import Answer
from api_service.http.request_refusals import RequestCode
from api_service.refusals.codes import Code

OF_PICTURES = (
    *ImageCode,
    RequestCode.INVALID_HEADER,
    Code.IDEMPOTENCY_KEY_REUSED,
    Code.QUOTA_EXCEEDED,
    Code.OUTPUT_GONE,
    Code.STORAGE_UNAVAILABLE,
)
SENT_ALONG = {
    HEADER: "requests with the same key are one job, whose pictures each of them gets",
    "Prefer": "`wait=N`: answer after N seconds, though the pictures may not be ready",
}


def pictures(kind: str) -> Answer:
    return Answer(
        ImagesView, f"the pictures; with `stream` each as an event, `{kind}.completed`", ("application/json", EVENTS)
    )


EVENTS = "text/event-stream"
