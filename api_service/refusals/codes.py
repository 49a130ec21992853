"""Every way the core can refuse: a stable code, and what it means."""

from enum import StrEnum


class Code(StrEnum):
    """The code of a refusal, the same at every door. Clients may rely on it; the sentence beside it may change."""

    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    JOB_NOT_FOUND = "job_not_found"
    USER_NOT_FOUND = "user_not_found"
    KEY_NOT_FOUND = "key_not_found"
    OUTPUT_NOT_FOUND = "output_not_found"
    THUMBNAIL_NOT_FOUND = "thumbnail_not_found"
    KIND_NOT_FOUND = "kind_not_found"
    NODE_CLASS_NOT_FOUND = "node_class_not_found"
    SERVER_NOT_FOUND = "server_not_found"
    SERVER_EXISTS = "server_exists"
    SERVER_IN_SETTINGS = "server_in_settings"
    ASSET_NOT_FOUND = "asset_not_found"
    ASSET_IN_USE = "asset_in_use"
    HASH_MISMATCH = "hash_mismatch"
    ASSET_TOO_LARGE = "asset_too_large"
    WEBHOOK_NOT_FOUND = "webhook_not_found"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    SCHEDULE_NOT_FOUND = "schedule_not_found"
    SCHEDULE_NOT_RUNNABLE = "schedule_not_runnable"
    NOTIFICATION_NOT_FOUND = "notification_not_found"
    LINK_INVALID = "link_invalid"
    MAIL_UNAVAILABLE = "mail_unavailable"
    TASK_NOT_FOUND = "task_not_found"
    TASK_HAS_NO_FILE = "task_has_no_file"
    TASK_ENDED = "task_ended"
    TASK_NOT_ENDED = "task_not_ended"
    JOB_ENDED = "job_ended"
    JOB_NOT_ENDED = "job_not_ended"
    JOB_STARTED = "job_started"
    JOB_NOT_MOVABLE = "job_not_movable"
    JOB_NOT_REPEATABLE = "job_not_repeatable"
    WORKFLOW_QUARANTINED = "workflow_quarantined"
    FAILURE_NOT_FOUND = "failure_not_found"
    QUARANTINE_NOT_FOUND = "quarantine_not_found"
    NAME_TAKEN = "name_taken"
    OUTPUT_GONE = "output_gone"
    INVALID_FIELDS = "invalid_fields"
    INVALID_CURSOR = "invalid_cursor"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    INVALID_SIGNATURE = "invalid_signature"
    CROSS_SITE = "cross_site"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXCEEDED = "quota_exceeded"
    DATABASE_UNAVAILABLE = "database_unavailable"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL_ERROR = "internal_error"


MEANINGS: dict[StrEnum, str] = {
    Code.UNAUTHENTICATED: "no API key was sent, or it is invalid, revoked or expired",
    Code.FORBIDDEN: "the key lacks the scope that this needs",
    Code.JOB_NOT_FOUND: "there is no such job among those the key may see",
    Code.USER_NOT_FOUND: "there is no such user",
    Code.KEY_NOT_FOUND: "there is no such key",
    Code.OUTPUT_NOT_FOUND: "the job has no such output",
    Code.THUMBNAIL_NOT_FOUND: "the output has no thumbnail of this size; `detail` says why",
    Code.KIND_NOT_FOUND: "models of this kind are not listed; `detail` names the kinds that are",
    Code.NODE_CLASS_NOT_FOUND: "no server has such a node class; `detail` names similar ones",
    Code.SERVER_NOT_FOUND: "no worker ever saw a ComfyUI server of this name, and none was added",
    Code.SERVER_EXISTS: "there is such a ComfyUI server already; `detail` says how it is changed",
    Code.SERVER_IN_SETTINGS: "COMFYUI_URLS of the workers names the server, so only there it is removed",
    Code.ASSET_NOT_FOUND: "there is no such asset among those the key may see",
    Code.ASSET_IN_USE: "a job that has not ended needs the asset, so it is not deleted",
    Code.HASH_MISMATCH: "the bytes that arrived are not those of the hash that was sent with them",
    Code.ASSET_TOO_LARGE: "the file is larger than an asset may be; `detail` says how large that is",
    Code.WEBHOOK_NOT_FOUND: "there is no such webhook among those the key may see",
    Code.DELIVERY_NOT_FOUND: "the webhook has no such delivery",
    Code.SCHEDULE_NOT_FOUND: "there is no such schedule among those the key may see",
    Code.SCHEDULE_NOT_RUNNABLE: "the schedule makes no job as it is; `detail` says why",
    Code.NOTIFICATION_NOT_FOUND: "there is no such notification among the user's own",
    Code.LINK_INVALID: "the link of an e-mail is not one of ours, was used before, or is too old",
    Code.MAIL_UNAVAILABLE: "this installation sends no e-mail",
    Code.TASK_NOT_FOUND: "there is no such task among those the key may see",
    Code.TASK_HAS_NO_FILE: "the task has nothing to download: it has made no file, or not yet",
    Code.TASK_ENDED: "the task has ended and can no longer be cancelled",
    Code.TASK_NOT_ENDED: "the task has not ended yet; this is only possible after its end",
    Code.JOB_ENDED: "the job has ended and can no longer be cancelled",
    Code.JOB_NOT_ENDED: "the job has not ended yet; this is only possible after its end",
    Code.JOB_STARTED: "the job no longer waits; this can only be changed while it waits",
    Code.JOB_NOT_MOVABLE: "the job cannot be moved among its owner's jobs; `detail` says why",
    Code.JOB_NOT_REPEATABLE: "the job was imported from the former system and cannot be submitted again",
    Code.WORKFLOW_QUARANTINED: "the workflow harms servers and is not run until an admin releases it",
    Code.FAILURE_NOT_FOUND: "there is no such group of failures among those the key may see",
    Code.QUARANTINE_NOT_FOUND: "no workflow with this fingerprint is in quarantine",
    Code.NAME_TAKEN: "another user has this name",
    Code.OUTPUT_GONE: "the file is no longer in the output store",
    Code.INVALID_FIELDS: "fields of the body are wrong; `errors` names each",
    Code.INVALID_CURSOR: "the cursor is malformed or belongs to another list",
    Code.IDEMPOTENCY_KEY_REUSED: "the idempotency key was used before with another request; a new request needs a"
    " new key",
    Code.CROSS_SITE: "a browser's session is good for requests of this service's own pages alone",
    Code.INVALID_SIGNATURE: "the signature of the request is missing, wrong, or not of now",
    Code.RATE_LIMITED: "the key has asked too often; `limit` names the limit",
    Code.QUOTA_EXCEEDED: "the user has reached a limit; `limit` names it",
    Code.DATABASE_UNAVAILABLE: "the database cannot be reached, or is not migrated; send the same request again",
    Code.STORAGE_UNAVAILABLE: "the output store cannot be used right now; send the same request again later",
    Code.INTERNAL_ERROR: "something went wrong in the service; it has been logged",
}
