"""Every way a request can be refused: a stable code, its HTTP status, and what it means."""

from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple


class Code(StrEnum):
    """The `code` of a problem. Clients may rely on it; the sentences beside it may change."""

    INVALID_JSON = "invalid_json"
    INVALID_HEADER = "invalid_header"
    BODY_TOO_DEEP = "body_too_deep"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    JOB_NOT_FOUND = "job_not_found"
    USER_NOT_FOUND = "user_not_found"
    KEY_NOT_FOUND = "key_not_found"
    OUTPUT_NOT_FOUND = "output_not_found"
    THUMBNAIL_NOT_FOUND = "thumbnail_not_found"
    KIND_NOT_FOUND = "kind_not_found"
    NODE_CLASS_NOT_FOUND = "node_class_not_found"
    SERVER_NOT_FOUND = "server_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    JOB_ENDED = "job_ended"
    NAME_TAKEN = "name_taken"
    OUTPUT_GONE = "output_gone"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    INVALID_FIELDS = "invalid_fields"
    INVALID_QUERY = "invalid_query"
    JOB_NOT_ENDED = "job_not_ended"
    JOB_NOT_REPEATABLE = "job_not_repeatable"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    INVALID_CURSOR = "invalid_cursor"
    JOB_STARTED = "job_started"
    HTTP_ERROR = "http_error"
    INTERNAL_ERROR = "internal_error"
    DATABASE_UNAVAILABLE = "database_unavailable"

    @property
    def status(self) -> HTTPStatus:
        return MEANINGS[self].status


class Meaning(NamedTuple):
    status: HTTPStatus
    text: str


S = HTTPStatus
MEANINGS: dict[Code, Meaning] = {
    Code.INVALID_JSON: Meaning(S.BAD_REQUEST, "the body is not JSON"),
    Code.INVALID_HEADER: Meaning(S.BAD_REQUEST, "a header of the request is wrong; `detail` names it"),
    Code.BODY_TOO_DEEP: Meaning(S.BAD_REQUEST, "lists and objects of the body stand in each other more than 64 deep"),
    Code.UNAUTHENTICATED: Meaning(S.UNAUTHORIZED, "there is no key, or it is not good (any more)"),
    Code.FORBIDDEN: Meaning(S.FORBIDDEN, "the key lacks the scope that this needs"),
    Code.NOT_FOUND: Meaning(S.NOT_FOUND, "nothing is at this address"),
    Code.JOB_NOT_FOUND: Meaning(S.NOT_FOUND, "there is no such job among those the key may see"),
    Code.USER_NOT_FOUND: Meaning(S.NOT_FOUND, "there is no such user"),
    Code.KEY_NOT_FOUND: Meaning(S.NOT_FOUND, "there is no such key"),
    Code.OUTPUT_NOT_FOUND: Meaning(S.NOT_FOUND, "the job has no such output"),
    Code.THUMBNAIL_NOT_FOUND: Meaning(S.NOT_FOUND, "the output has no thumbnail of this size; `detail` says why"),
    Code.KIND_NOT_FOUND: Meaning(S.NOT_FOUND, "models of this kind are not listed; `detail` names the kinds that are"),
    Code.NODE_CLASS_NOT_FOUND: Meaning(S.NOT_FOUND, "no server has such a node class; `detail` names similar ones"),
    Code.SERVER_NOT_FOUND: Meaning(S.NOT_FOUND, "no worker ever saw a ComfyUI server of this name"),
    Code.METHOD_NOT_ALLOWED: Meaning(
        S.METHOD_NOT_ALLOWED, "the address does not take this method; `Allow` has those it takes"
    ),
    Code.JOB_ENDED: Meaning(S.CONFLICT, "the job has ended, and this can no longer be done with it"),
    Code.NAME_TAKEN: Meaning(S.CONFLICT, "another user has this name"),
    Code.OUTPUT_GONE: Meaning(S.GONE, "the file is no longer in the output store"),
    Code.BODY_TOO_LARGE: Meaning(S.REQUEST_ENTITY_TOO_LARGE, "the body is larger than is read"),
    Code.UNSUPPORTED_MEDIA_TYPE: Meaning(S.UNSUPPORTED_MEDIA_TYPE, "the body is not sent as application/json"),
    Code.RANGE_NOT_SATISFIABLE: Meaning(
        S.REQUESTED_RANGE_NOT_SATISFIABLE, "the range begins after the end of the file"
    ),
    Code.INVALID_FIELDS: Meaning(S.UNPROCESSABLE_ENTITY, "fields of the body are wrong; `errors` names each"),
    Code.INVALID_QUERY: Meaning(S.UNPROCESSABLE_ENTITY, "query parameters are wrong; `errors` names each"),
    Code.JOB_NOT_ENDED: Meaning(S.CONFLICT, "the job has not ended yet, and only then can this be done with it"),
    Code.JOB_NOT_REPEATABLE: Meaning(
        S.UNPROCESSABLE_ENTITY, "the job was recorded by another system, and what it asks for is none of ours"
    ),
    Code.IDEMPOTENCY_KEY_REUSED: Meaning(
        S.UNPROCESSABLE_ENTITY, "the Idempotency-Key came before with another request; a new request needs a new key"
    ),
    Code.RATE_LIMITED: Meaning(
        S.TOO_MANY_REQUESTS,
        "the key has asked too often; `limit` names the limit, `Retry-After` says when to ask again",
    ),
    Code.QUOTA_EXCEEDED: Meaning(
        S.TOO_MANY_REQUESTS,
        "the user has as much as is allowed; `limit` names the limit, `Retry-After` when to look again",
    ),
    Code.INVALID_CURSOR: Meaning(S.UNPROCESSABLE_ENTITY, "the cursor is none of ours, or belongs to another list"),
    Code.JOB_STARTED: Meaning(S.CONFLICT, "the job no longer waits, and only then can this be changed"),
    Code.HTTP_ERROR: Meaning(S.BAD_REQUEST, "the request is not one of HTTP as it is understood here"),
    Code.INTERNAL_ERROR: Meaning(S.INTERNAL_SERVER_ERROR, "something went wrong on our side; it has been logged"),
    Code.DATABASE_UNAVAILABLE: Meaning(
        S.SERVICE_UNAVAILABLE, "the database is away, or not migrated; send the same request again"
    ),
}
