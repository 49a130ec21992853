"""Where things are: the addresses of this door, and what a path of it names."""

from collections.abc import Mapping

from pydantic import BaseModel

from api_service.refusals.jobs import job_not_found
from shared.workflows.opaque_names import job_id_of, job_name

PREFIX = "/api/v2/"
JOBS = f"{PREFIX}jobs"
ASSETS = f"{PREFIX}assets"


class AnyQuery(BaseModel, frozen=True, extra="ignore"):
    """Query parameters that say nothing here, whatever they are: later versions of the contract may have more."""


def job_in(path: Mapping[str, str]) -> int:
    """The job that a path names. Raises Refusal: job_not_found, also for what cannot be the name of one."""
    job_id = job_id_of(path["id"])
    if job_id is None:
        raise job_not_found("")
    return job_id


def content_address(asset_name: str) -> str:
    """Where the bytes of an asset are."""
    return f"{ASSETS}/{asset_name}/content"


def job_address(job_id: int) -> str:
    return f"{JOBS}/{job_name(job_id)}"
