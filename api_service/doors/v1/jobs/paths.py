"""The job that a path names."""

from collections.abc import Mapping

from api_service.refusals.jobs import job_not_found
from shared.jobs.urls import number_in


def job_id_in(path: Mapping[str, str]) -> int:
    """The job's number. Raises Refusal: job_not_found, since what cannot be a number names no job either."""
    job_id = number_in(path["job_id"])
    if job_id is None:
        raise job_not_found(path["job_id"])
    return job_id
