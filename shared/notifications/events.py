"""What a user can ask to be told, and by which ways."""

from enum import StrEnum

from shared.models import EventType, NotificationKind


class NotificationEvent(StrEnum):
    JOB_COMPLETED = "job_completed"
    JOB_FAILED = "job_failed"  # or it expired
    BATCH_DONE = "batch_done"
    SERVER_TROUBLE = "server_trouble"  # and that it is over; for admins
    WEBHOOK_DISABLED = "webhook_disabled"  # by this service; in the app, everybody is told of it


class Channel(StrEnum):
    IN_APP = "in_app"
    EMAIL = "email"
    WEBHOOK = "webhook"


# A job that was cancelled is told of to nobody: whoever cancelled it knows.
OF_ENDS = {
    EventType.COMPLETED: NotificationKind.JOB_COMPLETED,
    EventType.FAILED: NotificationKind.JOB_FAILED,
    EventType.EXPIRED: NotificationKind.JOB_FAILED,
}
