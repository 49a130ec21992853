"""What is wrong with a request before anybody looks at what it asks for: its form, its headers, its address."""

from collections.abc import Sequence
from enum import StrEnum

from api_service.refusals.refusal import FieldError, Refusal, names_of


class RequestCode(StrEnum):
    """Codes for faults in the HTTP request itself. Clients may rely on them as on those of the core."""

    INVALID_JSON = "invalid_json"
    INVALID_FORM = "invalid_form"
    INVALID_HEADER = "invalid_header"
    BODY_TOO_DEEP = "body_too_deep"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_QUERY = "invalid_query"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HTTP_ERROR = "http_error"


REQUEST_MEANINGS: dict[StrEnum, str] = {
    RequestCode.INVALID_JSON: "the body is not JSON",
    RequestCode.INVALID_FORM: "the body is no complete multipart form; `detail` says what is wrong with it",
    RequestCode.INVALID_HEADER: "a header of the request is wrong; `detail` names it",
    RequestCode.BODY_TOO_DEEP: "the JSON body is nested too deeply; `detail` says how deep it may be",
    RequestCode.BODY_TOO_LARGE: "the body is larger than is read",
    RequestCode.UNSUPPORTED_MEDIA_TYPE: "the body is not sent as the media type that is read here; `detail` names it",
    RequestCode.INVALID_QUERY: "query parameters are wrong; `errors` names each",
    RequestCode.RANGE_NOT_SATISFIABLE: "the range begins after the end of the file",
    RequestCode.NOT_FOUND: "nothing is at this address",
    RequestCode.METHOD_NOT_ALLOWED: "the address does not take this method; `Allow` has those it takes",
    RequestCode.HTTP_ERROR: "malformed HTTP request",
}


def invalid_json(reason: str) -> Refusal:
    return Refusal(RequestCode.INVALID_JSON, f"the body is not JSON: {reason}")


def invalid_form(reason: str) -> Refusal:
    return Refusal(RequestCode.INVALID_FORM, f"the body is not a whole multipart form: {reason}")


def invalid_header(reason: str) -> Refusal:
    return Refusal(RequestCode.INVALID_HEADER, reason)


def body_too_deep(most: int) -> Refusal:
    return Refusal(RequestCode.BODY_TOO_DEEP, f"the JSON body is nested more than {most} levels deep")


def body_too_large(most: int) -> Refusal:
    return Refusal(RequestCode.BODY_TOO_LARGE, f"the body has more than {most} bytes")


def unsupported_media_type(given: str, wanted: str = "application/json") -> Refusal:
    return Refusal(
        RequestCode.UNSUPPORTED_MEDIA_TYPE,
        f"the body must be sent as Content-Type: {wanted}, not {given or 'without one'}",
    )


def invalid_query(errors: Sequence[FieldError]) -> Refusal:
    return Refusal(RequestCode.INVALID_QUERY, f"these query parameters are wrong: {names_of(errors)}", errors=errors)


def range_not_satisfiable(size: int) -> Refusal:
    return Refusal(RequestCode.RANGE_NOT_SATISFIABLE, f"the file has {size} bytes", file_size=size)
