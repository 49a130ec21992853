"""How much of a thing there may be, and how long it is kept: nothing of a user's goes unless it is set."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from shared.configuration.choices import Fairness, Sharing
from shared.configuration.types import Limit, LowerCase, Retention


class Bounds(BaseModel, frozen=True):
    """The part of the settings that says how much a user or a key may have, whose turn it is, and what goes when."""

    retention_jobs: Retention = Field(None, description="how long a job is kept after its end, or none for ever")
    retention_outputs: Retention = Field(
        None, description="how long the outputs of a job are kept after its end, or none"
    )
    retention_previews: Retention = Field(None, description="how long thumbnails are kept after the job's end, or none")
    retention_assets: Retention = Field(
        None, description="how long an asset without an end is kept after a job last took it, or none"
    )
    retention_events: Retention = Field(
        None, description="how long the events of a job are kept after its end, or none"
    )
    retention_attempts: Retention = Field(None, description="how long attempts are kept after the job's end, or none")
    retention_deliveries: Retention = Field(
        timedelta(days=30), description="how long what webhooks were sent is kept, or none"
    )
    retention_request_keys: Retention = Field(
        None, description="how long an Idempotency-Key is good after the end of its job, or none for as long as the job"
    )
    retention_orphans: Retention = Field(
        timedelta(days=7),
        description="how old a file must be that no row names before it is removed, or none for never",
    )
    limit_requests_per_minute: Limit = Field(600, description="requests a minute with one key, or none for no limit")
    limit_submissions_per_hour: Limit = Field(3600, description="jobs submitted in an hour with one key, or none")
    limit_uploads_per_hour: Limit = Field(1000, description="files uploaded in an hour with one key, or none")
    limit_queued_jobs: Limit = Field(10_000, description="jobs of one user that may wait at once, or none")
    fairness: Annotated[Fairness, LowerCase] = Field(
        Fairness.USERS,
        description="users for users who take turns within a priority, none for the oldest job first",
    )
    limit_running_jobs: Limit = Field(None, description="jobs of one user that may run at once, or none")
    limit_running_tasks: Limit = Field(
        2, description="exports, reports and other tasks of one user that may run at once, or none"
    )
    limit_stored_bytes: Limit = Field(None, description="bytes of outputs and assets of one user, or none")
    limit_open_streams: Limit = Field(100, description="streams open at once with one key, or none")
    limit_priority: Limit = Field(
        None, description="the highest priority that jobs submitted with one key may have, or none"
    )
    budget_gpu_seconds: Limit = Field(None, description="GPU seconds of one user in a month (UTC), or none")
    budget_jobs: Limit = Field(None, description="jobs of one user in a month (UTC), or none")

    quarantine_after: Limit = Field(
        3, description="servers in a row that a workflow may crash, hang or fill before it is not run any more, or none"
    )

    @property
    def sharing(self) -> Sharing:
        """How users share the servers."""
        return Sharing(self.fairness is Fairness.USERS, self.limit_running_jobs)
