"""The codes of refusals that clients of the Comfy API tell apart, and what each means."""

from collections.abc import Mapping
from enum import StrEnum


class ComfyCode(StrEnum):
    """Codes of the contract that clients tell apart."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    INVALID_WORKFLOW = "invalid_workflow"
    WORKFLOW_FORMAT_UI = "workflow_format_ui"
    MISSING_ASSET = "missing_asset"
    BLOB_NOT_FOUND = "blob_not_found"
    HASH_MISMATCH = "hash_mismatch"
    ASSET_IN_USE = "asset_in_use"
    METADATA_INVALID = "metadata_invalid"
    IDEMPOTENCY_KEY_REUSE = "idempotency_key_reuse"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_METADATA_FILTER = "invalid_metadata_filter"
    INVALID_REQUEST = "invalid_request"  # of our own: the contract has no word for it
    QUEUE_FULL = "queue_full"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_STREAMS = "too_many_streams"
    UPSTREAM_ERROR = "upstream_error"


C = ComfyCode
MEANT: Mapping[ComfyCode, str] = {
    C.UNAUTHORIZED: "no API key was sent, or it is invalid, revoked or expired",
    C.FORBIDDEN: "the key lacks the scope that this needs, or the user may store no more",
    C.NOT_FOUND: "there is no such job or asset among those that the key may see",
    C.INVALID_WORKFLOW: "the workflow has faults; `details.node_errors` has them by node",
    C.WORKFLOW_FORMAT_UI: "this is what the editor saves; export the workflow in API format",
    C.MISSING_ASSET: "the workflow refers to an asset that is not there",
    C.BLOB_NOT_FOUND: "the user has no bytes with this hash",
    C.HASH_MISMATCH: "the bytes that arrived are not those of the hash that was sent with them",
    C.ASSET_IN_USE: "something here depends on the asset, so it is not deleted",
    C.METADATA_INVALID: "the labels are not as labels must be",
    C.IDEMPOTENCY_KEY_REUSE: "the key was used before; `details` has the `job_id` or the `asset_id` that it made",
    C.INVALID_CURSOR: "the cursor is malformed or belongs to another list",
    C.INVALID_METADATA_FILTER: "the labels that are asked for are not as labels must be",
    C.INVALID_REQUEST: "something about the request is wrong; the message says what",
    C.QUEUE_FULL: "too many jobs of the user wait; `Retry-After` says when to try again",
    C.RATE_LIMITED: "the key has asked too often; `Retry-After` says when to try again",
    C.TOO_MANY_STREAMS: "too many streams are open; `Retry-After` says when to try again",
    C.UPSTREAM_ERROR: "the service cannot do this right now, or something went wrong in it",
}
