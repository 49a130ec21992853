"""Everything that is cleaned up: what, how often, what is to go, and how it goes."""

from datetime import timedelta

from shared.accounts.retention import Kept
from shared.texts.storable import LARGEST_ID
from worker_service.cleanup import jobs
from worker_service.cleanup.assets import expired_assets, remove_expired, remove_unused, unused_assets
from worker_service.cleanup.deliveries import old_deliveries, remove_deliveries
from worker_service.cleanup.durations import old_durations, remove_durations
from worker_service.cleanup.ended_jobs import (
    NOBODY_NEEDS_IT,
    OUTPUT_BYTES,
    REQUEST_IS_OVER,
    THUMBNAIL_BYTES,
    old_jobs,
    there_is,
)
from worker_service.cleanup.folders import noted_folders, remove_folders
from worker_service.cleanup.history import fine_samples, old_samples, remove_samples, thin_out
from worker_service.cleanup.missing import missing_files
from worker_service.cleanup.orphans import orphans, remove_orphans
from worker_service.cleanup.portion import CleanUp

HAS_THUMBNAILS = "thumbnails <> '{}'::jsonb"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def has(table: str, condition: str = "true") -> str:
    """The condition that an ended job has such rows."""
    return there_is(f"{table} WHERE job_id = seen.id AND {condition}")


def first_in(table: str, condition: str = "true") -> str:
    """The lowest number of a job that has such rows."""
    return f"SELECT coalesce(min(job_id), {LARGEST_ID}) FROM {table} WHERE {condition}"  # noqa: S608 - ours


CLEAN_UPS = (
    CleanUp(
        "jobs",
        "ended jobs with all that is theirs",
        HOUR,
        old_jobs(Kept.JOBS, NOBODY_NEEDS_IT, size=OUTPUT_BYTES),
        jobs.remove_jobs,
        Kept.JOBS,
    ),
    CleanUp(
        "outputs",
        "ended jobs with outputs",
        HOUR,
        old_jobs(Kept.OUTPUTS, has("job_outputs"), size=OUTPUT_BYTES, first=first_in("job_outputs")),
        jobs.remove_outputs,
        Kept.OUTPUTS,
    ),
    CleanUp(
        "previews",
        "ended jobs with thumbnails",
        HOUR,
        old_jobs(
            Kept.PREVIEWS,
            has("job_outputs", HAS_THUMBNAILS),
            size=THUMBNAIL_BYTES,
            first=first_in("job_outputs", HAS_THUMBNAILS),
        ),
        jobs.remove_previews,
        Kept.PREVIEWS,
    ),
    CleanUp(
        "events",
        "ended jobs with events",
        HOUR,
        old_jobs(Kept.EVENTS, has("job_events"), first=first_in("job_events")),
        jobs.remove_events,
        Kept.EVENTS,
    ),
    CleanUp(
        "attempts",
        "ended jobs with attempts",
        HOUR,
        old_jobs(Kept.ATTEMPTS, has("job_attempts"), first=first_in("job_attempts")),
        jobs.remove_attempts,
        Kept.ATTEMPTS,
    ),
    CleanUp(
        "request_keys",
        "ended jobs with an Idempotency-Key",
        HOUR,
        # The key of a prompt of ComfyUI's own API is its id, which names one job for good.
        old_jobs(
            Kept.REQUEST_KEYS, f"idempotency_key IS NOT NULL AND ({REQUEST_IS_OVER}) AND NOT {has('native_prompts')}"
        ),
        jobs.remove_keys,
        Kept.REQUEST_KEYS,
    ),
    CleanUp("deliveries", "what webhooks were sent", HOUR, old_deliveries, remove_deliveries, Kept.DELIVERIES),
    CleanUp("durations", "how long jobs of a kind took", DAY, old_durations, remove_durations),
    CleanUp("history", "samples of more than a month ago", DAY, old_samples, remove_samples),
    CleanUp("fine_history", "quarters of an hour of more than a day ago", HOUR, fine_samples, thin_out),
    CleanUp("assets", "assets that no job took for long", HOUR, unused_assets, remove_unused, Kept.ASSETS),
    CleanUp("expired_assets", "assets whose time has run out", MINUTE, expired_assets, remove_expired),
    # Files of deleted jobs and assets that were not removed with them, or that came after.
    CleanUp("folders", "files of what was deleted", MINUTE, noted_folders, remove_folders),
    CleanUp("orphans", "files that no row names", DAY, orphans, remove_orphans),
    # Only told of: rows are not removed for a file that is lost.
    CleanUp("missing_files", "rows whose file is missing", DAY, missing_files),
)
