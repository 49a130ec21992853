"""Where the API shows a job and its files: one template each, for the API and for the events the worker sends."""

JOBS = "/api/v1/generation-jobs"


def job_url(job_id: int) -> str:
    return f"{JOBS}/{job_id}"


def output_url(job_id: int, number: int) -> str:
    return f"{JOBS}/{job_id}/outputs/{number}"


def thumbnail_url(job_id: int, number: int, size: int | str) -> str:
    return f"{JOBS}/{job_id}/thumbnails/{number}?size={size}"
