"""What events, the API and a job's row say of an output and of a failure."""

from collections.abc import Mapping
from typing import Any

from shared.jobs.errors import GenerationError
from shared.jobs.storable import cut, details
from shared.jobs.urls import output_url, thumbnail_url
from shared.models import GenerationJob, JobOutput

OUTPUT_FIELDS = ("number", "kind", "media_type", "size_bytes", "sha256", "width", "height")


def error_data(error: GenerationError) -> dict[str, Any]:
    """What is kept of an error: others have a say in its words, so each is cut and can be stored."""
    return {"code": error.code, "message": cut(str(error)), "details": details(dict(error.details))}


def error_columns(data: Mapping[str, Any]) -> dict[str, Any]:
    return {f"error_{name}": value for name, value in data.items()}


def start_data(job: GenerationJob) -> dict[str, Any]:
    """When a job may start, in ISO 8601."""
    return {"run_after": job.run_after.isoformat() if job.run_after else None}


def output_data(output: JobOutput) -> dict[str, Any]:
    """An output as events show it: what it is, and where the API serves it."""
    return {
        **{name: getattr(output, name) for name in OUTPUT_FIELDS},
        "url": output_url(output.job_id, output.number),
        "thumbnails": {size: thumbnail_url(output.job_id, output.number, size) for size in output.thumbnails},
    }
