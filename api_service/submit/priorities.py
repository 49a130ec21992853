"""A key may have a highest priority: a job that asks for more is refused, and one that asks for nothing gets that."""

from collections.abc import Sequence
from dataclasses import replace

from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from api_service.submit.job_request import JobRequest
from shared.models.jobs.generation_job import DEFAULT_PRIORITY


def capped(jobs: Sequence[JobRequest], most: int | None, *, is_retry: bool = False) -> Sequence[JobRequest]:
    """The jobs with priorities of at most `most`. Raises Refusal: invalid_fields, for one that asks for more; the
    priority of a job that is retried is lowered instead, for nobody asked for it now."""
    if most is None:
        return jobs
    if not is_retry and (errors := [above(most, job.place) for job in jobs if asks_for_more(job, most)]):
        raise invalid_fields(errors)
    return [with_priority(job, min(most, job.options.priority)) for job in jobs]


def check_priority(priority: int | None, most: int | None) -> None:
    """Raises Refusal: invalid_fields, if a job may not be given this priority."""
    if priority is not None and most is not None and priority > most:
        raise invalid_fields([above(most)])


def asks_for_more(job: JobRequest, most: int) -> bool:
    """Whether it does, as far as one sees: the usual priority may have been asked for or not."""
    return job.options.priority > most and job.options.priority != DEFAULT_PRIORITY


def above(most: int, place: str = "") -> FieldError:
    return FieldError(field=f"{place}priority", message=f"at most {most} with this key", code="above_limit")


def with_priority(job: JobRequest, priority: int) -> JobRequest:
    return replace(job, options=replace(job.options, priority=priority))
