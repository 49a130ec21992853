"""Where the API shows a job and its files: one template each, for the API and for the events the worker sends."""

from shared.texts.storable import LARGEST_ID

JOBS = "/api/v1/generation-jobs"


def number_in(text: str, largest: int = LARGEST_ID) -> int | None:
    """A number that a key column can hold, as it is written in a path; None for anything else."""
    plain = text.isascii() and text.isdecimal() and len(text) <= len(str(largest))
    return int(text) if plain and int(text) <= largest else None


def job_url(job_id: int) -> str:
    return f"{JOBS}/{job_id}"


def output_url(job_id: int, number: int) -> str:
    return f"{JOBS}/{job_id}/outputs/{number}"


def thumbnail_url(job_id: int, number: int, size: int | str) -> str:
    return f"{JOBS}/{job_id}/thumbnails/{number}?size={size}"
