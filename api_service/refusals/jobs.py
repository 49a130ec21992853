"""What can be refused about jobs and their outputs."""

from collections.abc import Sequence

from api_service.refusals.codes import Code
from api_service.refusals.refusal import FieldError, Refusal, names_of
from shared.jobs.failures.quarantine import why
from shared.models import JobStatus, SuspectWorkflow

STORAGE_AGAIN_S = 30


def job_not_found(job_id: object) -> Refusal:
    return Refusal(Code.JOB_NOT_FOUND, f"there is no job {str(job_id)!r}")


def output_not_found(job_id: object, number: object) -> Refusal:
    return Refusal(Code.OUTPUT_NOT_FOUND, f"job {job_id} has no output {str(number)!r}")


def thumbnail_not_found(size: str, sizes: Sequence[str], note: str | None) -> Refusal:
    offered = f"there are {', '.join(sizes)}" if sizes else note or "this kind of output has none"
    return Refusal(Code.THUMBNAIL_NOT_FOUND, f"there is no thumbnail of size {size!r}: {offered}")


def output_gone(path: str) -> Refusal:
    return Refusal(Code.OUTPUT_GONE, f"the file {path} is no longer in the output store")


def storage_unavailable(reason: str) -> Refusal:
    detail = f"the output store cannot be read right now: {reason}; the file is not lost by that"
    return Refusal(Code.STORAGE_UNAVAILABLE, detail, retry_after_s=STORAGE_AGAIN_S)


def job_ended(status: JobStatus) -> Refusal:
    return Refusal(Code.JOB_ENDED, f"the job is {status} already and can no longer be cancelled")


def job_not_ended(status: JobStatus) -> Refusal:
    return Refusal(
        Code.JOB_NOT_ENDED, f"the job is {status} and can only be deleted once it has ended; cancel it first"
    )


def job_not_ended_for_retry(status: JobStatus) -> Refusal:
    return Refusal(Code.JOB_NOT_ENDED, f"the job is {status}; it can be tried again once it has ended")


def job_started(status: JobStatus) -> Refusal:
    return Refusal(Code.JOB_STARTED, f"the job is {status}; priority and metadata can be changed only while it waits")


def job_not_repeatable(job_id: int, errors: Sequence[FieldError]) -> Refusal:
    reason = f"job {job_id} has fields that no job can be submitted with; submit a new job instead"
    return Refusal(Code.JOB_NOT_REPEATABLE, reason, errors=errors)


def idempotency_key_reused(key: str, job_id: int) -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_KEY_REUSED,
        f"Idempotency-Key {key!r} was used before with another request, which made job {job_id}",
        job_id=job_id,
    )


def invalid_cursor(reason: str) -> Refusal:
    error = FieldError(field="cursor", message=reason, code=Code.INVALID_CURSOR)
    return Refusal(Code.INVALID_CURSOR, f"the cursor cannot be used: {reason}; begin again without one", errors=[error])


def invalid_fields(errors: Sequence[FieldError]) -> Refusal:
    return Refusal(Code.INVALID_FIELDS, f"these fields are wrong: {names_of(errors)}", errors=errors)


def workflow_quarantined(suspect: SuspectWorkflow, field: str) -> Refusal:
    reason = why(suspect)
    error = FieldError(field=field, message=reason, code=Code.WORKFLOW_QUARANTINED)
    return Refusal(Code.WORKFLOW_QUARANTINED, reason, errors=[error])


def failure_not_found(fingerprint: str) -> Refusal:
    return Refusal(Code.FAILURE_NOT_FOUND, f"there is no group of failures {fingerprint!r}")


def quarantine_not_found(fingerprint: str) -> Refusal:
    return Refusal(Code.QUARANTINE_NOT_FOUND, f"no workflow {fingerprint!r} is in quarantine")
