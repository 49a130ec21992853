"""The tables both services share; importing this package names them all to SQLModel's metadata."""

from shared.models.accounts.browser import SignInCode
from shared.models.accounts.key import ApiKey, Scope, StreamTicket, UrlSecret, stands_alone
from shared.models.accounts.usage import UsageDay, UsageNote
from shared.models.accounts.user import User, UserTurn
from shared.models.asset import Asset, AssetKey, AssetKind, AssetUse
from shared.models.clean_up import CleanUpState, DiscardedFolder
from shared.models.fleet import ComfyUIServer, ServerCapabilities, Worker
from shared.models.follow_ups.notification import (
    Mail,
    MailState,
    Notification,
    NotificationBatch,
    NotificationKind,
    NotificationSettings,
    ServerTrouble,
)
from shared.models.follow_ups.schedule import Missed, Overlap, Schedule
from shared.models.follow_ups.task import ImportedJob, Task, TaskKind, TaskState
from shared.models.follow_ups.webhook import DeliveryState, JobWebhook, WebhookDelivery, WebhookEndpoint
from shared.models.history import HistorySample
from shared.models.jobs.duration import JobDuration
from shared.models.jobs.failure import MutedFailure, SuspectWorkflow
from shared.models.jobs.generation_job import GenerationJob
from shared.models.jobs.job_attempt import JobAttempt
from shared.models.jobs.job_event import JobEvent
from shared.models.jobs.job_output import JobOutput
from shared.models.jobs.native_prompt import NativePrompt
from shared.models.jobs.statistics import JobStatistic
from shared.models.jobs.status import FINAL, HELD, LIVE, LIVE_ONLY, WAITING, EventType, JobStatus, Outcome, OutputKind
from shared.models.pause import Pause

__all__ = [
    "FINAL",
    "HELD",
    "LIVE",
    "LIVE_ONLY",
    "WAITING",
    "ApiKey",
    "Asset",
    "AssetKey",
    "AssetKind",
    "AssetUse",
    "CleanUpState",
    "ComfyUIServer",
    "DeliveryState",
    "DiscardedFolder",
    "EventType",
    "GenerationJob",
    "HistorySample",
    "ImportedJob",
    "JobAttempt",
    "JobDuration",
    "JobEvent",
    "JobOutput",
    "JobStatistic",
    "JobStatus",
    "JobWebhook",
    "Mail",
    "MailState",
    "Missed",
    "MutedFailure",
    "NativePrompt",
    "Notification",
    "NotificationBatch",
    "NotificationKind",
    "NotificationSettings",
    "Outcome",
    "OutputKind",
    "Overlap",
    "Pause",
    "Schedule",
    "Scope",
    "ServerCapabilities",
    "ServerTrouble",
    "SignInCode",
    "StreamTicket",
    "SuspectWorkflow",
    "Task",
    "TaskKind",
    "TaskState",
    "UrlSecret",
    "UsageDay",
    "UsageNote",
    "User",
    "UserTurn",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "stands_alone",
]
