"""What clients may say of schedules: when, what, and what becomes of runs that cannot be as planned."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from api_service.assets.keeping import Owner
from api_service.doors.binding import ApiRequest, run_of, sealed
from api_service.doors.v1.jobs.bodies import AnyJob, EitherJob
from api_service.doors.v1.jobs.field_names import field_name
from api_service.http.path_ids import uuid_in
from api_service.limits.rates import Limit
from api_service.refusals.assets import wrong_field
from api_service.refusals.schedules import schedule_not_found
from api_service.schedules.planning import AskedJob, plan_job
from api_service.schedules.time_zone import ZoneName
from api_service.submit.priorities import capped
from api_service.submit.sealing import SentAlong
from api_service.webhooks.asked import refuse_closed_urls
from shared.models import Missed, Overlap
from shared.schedules.cron import LONGEST, cron_of
from shared.workflows.parameters import Name

PLACE = "job."  # of the job in the body


def is_cron(value: str) -> str:
    cron_of(value)
    return value


def unchanged() -> Any:
    return None


CronText = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(is_cron)]
Flag = Annotated[bool, Field(strict=True)]


class ScheduleBody(BaseModel, frozen=True, extra="forbid"):
    """A job that is made again and again.

    `cron` has five fields as cron knows them, or is `@daily` and the like; it goes by the clock of `time_zone`. `job`
    is what submitting one takes, but for `run_at`. While the job of an earlier run has not ended, `overlap` has a run
    left out (`skip`) or its job made all the same (`queue`). Times that passed while the service was down are made up
    for by one job (`run_once`), or not (`skip`).
    """

    name: Name
    cron: CronText
    time_zone: ZoneName = "UTC"
    job: EitherJob
    overlap: Overlap = Overlap.SKIP
    missed: Missed = Missed.RUN_ONCE
    paused: Flag = False


class ScheduleChange(BaseModel, frozen=True, extra="forbid"):
    """What is to change; what is absent stays. A `job` takes the place of the whole one before."""

    name: Name = Field(default_factory=str)
    cron: CronText = Field(default_factory=str)
    time_zone: ZoneName = Field(default_factory=str)
    job: EitherJob = Field(default_factory=unchanged)
    overlap: Overlap = Field(default_factory=unchanged)
    missed: Missed = Field(default_factory=unchanged)
    paused: Flag = Field(default_factory=bool)


async def values_of(request: ApiRequest[Any, Any], owner: UUID) -> tuple[dict[str, Any], Sequence[str]]:
    """The columns that the body sets, and what its owner may want to know of its job. Raises Refusal: invalid_fields,
    and what keeping an output of another job may meet."""
    body: ScheduleBody | ScheduleChange = request.body
    given = {name: getattr(body, name) for name in type(body).model_fields if name != "job"}
    if isinstance(body, ScheduleChange):
        given = {name: value for name, value in given.items() if name in body.model_fields_set}
    if "job" not in body.model_fields_set:
        return given, ()
    asked = await asked_job(request, body.job)
    most = request.services.limits.most(request.identity, Limit.STORED_BYTES)
    planned = await run_of(request)(plan_job, request.services.acceptance, asked, Owner(owner, most), field_name)
    return {**given, **planned.columns}, planned.notes


async def asked_job(request: ApiRequest[Any, Any], job: AnyJob) -> AskedJob:
    """Raises Refusal: invalid_fields."""
    if job.run_at is not None:
        raise wrong_field(
            f"{PLACE}run_at", "is not for schedules: `cron` says when the job is made", "not_for_schedules"
        )
    along = SentAlong(job.request(None, PLACE), job.extra_data)
    refuse_closed_urls(request.services.fetches.outgoing, [(f"{PLACE}webhook.url", along.request.options.webhook)])
    most = request.services.limits.most(request.identity, Limit.PRIORITY)
    (asked,) = capped(await sealed(request, [along]), most)
    # Secrets are written as stars.
    written = job.model_dump(mode="json", exclude_unset=True)
    return AskedJob(asked, written, job.delay_seconds, job.deadline_seconds)


def schedule_id_in(path: Mapping[str, str]) -> UUID:
    """Raises Refusal: schedule_not_found, also for what is no id."""
    found = uuid_in(path["schedule_id"])
    if found is None:
        raise schedule_not_found(path["schedule_id"])
    return found
