"""The list of jobs: the caller's, the newest first, page by page, those with certain labels."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, NoReturn, Self
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Row
from starlette.datastructures import QueryParams

from api_service.doors.binding import ApiRequest
from api_service.doors.comfy_v2.bodies import LABEL, flaw_of_value
from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.doors.comfy_v2.names.places import JOBS, AnyQuery
from api_service.doors.comfy_v2.views.job_views import OF_A_NEWER_RELEASE, STATUSES, Status, labels_of
from api_service.doors.comfy_v2.views.optional import Optionally
from api_service.http.operations import Answer, Nothing, Operation
from api_service.jobs.cursors import JOB_CURSORS, digest_of
from api_service.jobs.listing import read_jobs
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange
from shared.jobs.urls import number_in
from shared.models import Scope
from shared.workflows.opaque_names import job_name

LONGEST_PAGE = 100
USUAL_PAGE = 50
MOST_FILTERS = 3
LONGEST_CURSOR = 100
FILTER = "metadata["


class ListedJobView(BaseModel, frozen=True):
    """A job in a list. There are no deployments here, so none ran it."""

    id: str
    status: Status
    create_time: datetime
    update_time: datetime
    deployment_id: None = None
    metadata: dict[str, str]

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls(
            id=job_name(row.id),
            status=STATUSES.get(row.status, OF_A_NEWER_RELEASE),
            create_time=row.created_at,
            update_time=row.updated_at,
            metadata=labels_of(row.metadata),
        )


class JobsView(BaseModel, frozen=True):
    """A page of jobs. The last one has no cursor."""

    jobs: list[ListedJobView]
    next_cursor: Optionally[str] = None


class JobsQuery(AnyQuery, frozen=True):
    """Which page of the list."""

    limit: str | None = Field(None, description=f"how many jobs at most, 1 to {LONGEST_PAGE}; {USUAL_PAGE} without it")
    cursor: str | None = Field(None, description="the `next_cursor` of the page before")


async def list_jobs(request: ApiRequest[Nothing, JobsQuery]) -> JobsView:
    """List the caller's jobs, the newest first.

    `metadata[key]=value`, up to three times, names labels that they must have.
    """
    given, owner = request.http.query_params, request.identity.user_id
    labels, limit = labels_asked_for(given), limit_of(given)
    digest, cursor = list_digest(labels, owner), given.get("cursor")
    after = JOB_CURSORS.after(cursor and cursor[: LONGEST_CURSOR + 1], digest)
    filters = Filters(metadata=tuple(f"{key}:{value}" for key, value in labels.items()))
    page_range = PageRange(owner, limit + 1, after)
    rows = await request.services.read(read_jobs, filters, page_range)
    shown, following = JOB_CURSORS.page(rows, limit, digest)
    return JobsView(jobs=[ListedJobView.of(row) for row in shown], next_cursor=following)


def labels_asked_for(given: QueryParams) -> dict[str, str]:
    """The labels that the jobs must have: `metadata[key]=value`. Raises Refusal: invalid_metadata_filter."""
    found: dict[str, str] = {}
    for name, value in given.multi_items():
        if not name.startswith("metadata"):
            continue
        key = name.removeprefix(FILTER).removesuffix("]")
        if name != f"{FILTER}{key}]" or not LABEL.fullmatch(key):
            refuse_filter(
                f"{name[:60]!r} must be metadata[key], with a key of 1 to 40 letters, digits, `_`, `-` or `.`"
            )
        if key in found:
            refuse_filter(f"the key {key!r} is given twice")
        if flaw := flaw_of_value(value):
            refuse_filter(f"the value of {key!r} {flaw}")
        found[key] = value
    if len(found) > MOST_FILTERS:
        refuse_filter(f"at most {MOST_FILTERS} labels can be asked for, not {len(found)}")
    return found


def refuse_filter(sentence: str) -> NoReturn:
    raise Refusal(ComfyCode.INVALID_METADATA_FILTER, sentence)


def limit_of(given: QueryParams) -> int:
    """How many jobs a page has at most. Raises Refusal: invalid_request."""
    text = given.get("limit")
    if text is None:
        return USUAL_PAGE
    limit = number_in(text)
    if limit is None or not 1 <= limit <= LONGEST_PAGE:
        raise Refusal(ComfyCode.INVALID_REQUEST, f"limit must be a number from 1 to {LONGEST_PAGE}")
    return limit


def list_digest(labels: Mapping[str, str], owner: UUID) -> bytes:
    """What a cursor of this list is bound to."""
    return digest_of(f"comfy v2 {owner} {sorted(labels.items())}")


OPERATIONS = (
    Operation(
        "listJobs",
        "GET",
        JOBS,
        list_jobs,
        Scope.READ,
        {HTTPStatus.OK: Answer(JobsView, "a page of jobs, possibly empty")},
        tag="jobs",
        query=JobsQuery,
        problems=(ComfyCode.INVALID_METADATA_FILTER, Code.INVALID_CURSOR),
    ),
)
