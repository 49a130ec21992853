"""What can be refused about assets: files that users upload, or keep of a job's outputs."""

from uuid import UUID

from api_service.refusals.accounts import quota_exceeded
from api_service.refusals.codes import Code
from api_service.refusals.jobs import STORAGE_AGAIN_S, invalid_fields
from api_service.refusals.refusal import FieldError, Refusal

FETCH_AGAIN_S = 5


def asset_not_found(asset_id: object) -> Refusal:
    return Refusal(Code.ASSET_NOT_FOUND, f"there is no asset {str(asset_id)!r}")


def asset_too_large(most: int) -> Refusal:
    return Refusal(Code.ASSET_TOO_LARGE, f"the file has more than {most} bytes, the most that one may have here")


def asset_in_use(asset_id: object) -> Refusal:
    reason = f"jobs that have not ended need the asset {str(asset_id)!r}; cancel them, or wait for their end"
    return Refusal(Code.ASSET_IN_USE, reason)


def hash_mismatch(expected: str, found: str) -> Refusal:
    return Refusal(Code.HASH_MISMATCH, f"the file was to be {expected}, and what arrived is {found}; send it again")


def upload_too_slow() -> Refusal:
    reason = "the file took too long to arrive, and nothing of it was kept; send it again"
    return Refusal(Code.STORAGE_UNAVAILABLE, reason, retry_after_s=STORAGE_AGAIN_S)


def upload_key_reused(key: str, asset_id: UUID) -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_KEY_REUSED,
        f"Idempotency-Key {key!r} was used before with another upload, which made asset {asset_id}",
        asset_id=str(asset_id),
    )


def storage_refuses(reason: str) -> Refusal:
    detail = f"the file cannot be kept right now: {reason}; send it again later"
    return Refusal(Code.STORAGE_UNAVAILABLE, detail, retry_after_s=STORAGE_AGAIN_S)


def too_many_fetches(most: int) -> Refusal:
    reason = f"{most} files are being fetched from URLs already, the most that may be at once; try again soon"
    return quota_exceeded("fetches", reason, retry_after_s=FETCH_AGAIN_S)


def wrong_field(field: str, message: str, code: str = "value_error") -> Refusal:
    return invalid_fields([FieldError(field=field, message=message, code=code)])
