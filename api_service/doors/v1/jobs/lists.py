"""Lists of jobs: the caller's, filtered, page by page."""

from http import HTTPStatus
from typing import Literal
from uuid import UUID

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.v1.jobs.list_views import JobPage, ListedJob
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import PageQuery, next_page
from api_service.jobs.cursors import JOB_CURSORS, digest_of
from api_service.jobs.listing import read_page
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.codes import Code
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange
from shared.jobs.urls import JOBS
from shared.models import Scope


class ListQuery(PageQuery, Filters, frozen=True):
    """Which jobs, in which order, and which page of them.

    Without a cursor it is the first page; `cursor` is from the page before, whose filters and order must be the same.
    """

    order: Literal["desc", "asc"] = "desc"


async def list_jobs(request: ApiRequest[Nothing, ListQuery]) -> Response:
    """List jobs, the newest first.

    A page holds up to `limit` jobs, and `next` is the address of the page after it. Jobs that are added meanwhile
    neither move a page nor come twice. The filters hold together; `status`, `metadata` and `requires` may be given
    several times: any of the statuses, all of the metadata and of the labels.
    """
    query, owner = request.query, owner_asked_for(request.identity, request.query.user_id)
    digest = list_digest(query, owner)
    after = JOB_CURSORS.after(query.cursor, digest)
    page_range = PageRange(owner, query.limit + 1, after, ascending=query.order == "asc")
    jobs, first = await request.services.read(read_page, query, page_range)
    shown, cursor = JOB_CURSORS.page(jobs, query.limit, digest)
    urls = await signed_urls(request.http, request.identity)
    items = [ListedJob.of(job, first.get(job.id), urls) for job in shown]
    return answer_with(JobPage(items=items, next=next_page(request.http, cursor), cursor=cursor))


def list_digest(query: ListQuery, owner: UUID | None) -> bytes:
    """What a cursor of this list is bound to: the filters by their meaning, the order, and the owner."""
    several = {"status": query.status, "metadata": query.metadata, "requires": query.requires}
    chosen = query.model_copy(update={name: tuple(sorted(set(values))) for name, values in several.items()})
    return digest_of(f"{owner} {chosen.model_dump_json(exclude={'limit', 'cursor', 'user_id'})}")


OPERATIONS = (
    Operation(
        "listJobs",
        "GET",
        f"{JOBS}/",
        list_jobs,
        Scope.READ,
        {HTTPStatus.OK: Answer(JobPage, "a page of jobs, possibly empty")},
        tag="jobs",
        query=ListQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
)
