"""The tables both services share; importing this package names them all to SQLModel's metadata."""

from shared.models.account import ApiKey, Scope, StreamTicket, UrlSecret, User, stands_alone
from shared.models.asset import Asset, AssetKind, AssetUse
from shared.models.discarded_folder import DiscardedFolder
from shared.models.fleet import ComfyUIServer, ServerCapabilities, Worker
from shared.models.generation_job import GenerationJob
from shared.models.job_attempt import JobAttempt
from shared.models.job_event import JobEvent
from shared.models.job_output import JobOutput
from shared.models.native_prompt import NativePrompt
from shared.models.statistics import JobStatistic
from shared.models.status import FINAL, HELD, LIVE, LIVE_ONLY, WAITING, EventType, JobStatus, Outcome, OutputKind
from shared.models.user_turn import UserTurn
from shared.models.webhook import DeliveryState, JobWebhook, WebhookDelivery, WebhookEndpoint

__all__ = [
    "FINAL",
    "HELD",
    "LIVE",
    "LIVE_ONLY",
    "WAITING",
    "ApiKey",
    "Asset",
    "AssetKind",
    "AssetUse",
    "ComfyUIServer",
    "DeliveryState",
    "DiscardedFolder",
    "EventType",
    "GenerationJob",
    "JobAttempt",
    "JobEvent",
    "JobOutput",
    "JobStatistic",
    "JobStatus",
    "JobWebhook",
    "NativePrompt",
    "Outcome",
    "OutputKind",
    "Scope",
    "ServerCapabilities",
    "StreamTicket",
    "UrlSecret",
    "User",
    "UserTurn",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "stands_alone",
]
