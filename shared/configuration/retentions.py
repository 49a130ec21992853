"""How long what grows is kept: nothing of a user's goes unless it is set."""

from datetime import timedelta

from pydantic import BaseModel, Field

from shared.configuration.types import Retention


class Retentions(BaseModel, frozen=True):
    """The part of the settings that clean-ups go by."""

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
