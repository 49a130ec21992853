"""Workflows in quarantine: listed, and released by admins."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.failures.bodies import QuarantineQuery, fingerprint_in
from api_service.doors.v1.failures.views import QuarantinePage, QuarantineView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.jobs.cursors import digest_of
from api_service.jobs.failures import FINGERPRINT_CURSORS
from api_service.jobs.waiting.quarantine import page_of_quarantine, position_of, release
from api_service.refusals.codes import Code
from api_service.refusals.jobs import quarantine_not_found
from shared.jobs.failures.quarantine import QUARANTINE
from shared.models import Scope


async def list_all(request: ApiRequest[Nothing, QuarantineQuery]) -> QuarantinePage:
    """List the workflows in quarantine, the newest first.

    Their jobs have crashed, hung or filled one server after the other, so they are refused and not run. A user sees
    those that jobs of their own brought there, an admin all.
    """
    query, services, owner = request.query, request.services, request.identity.owner
    digest = digest_of(f"quarantine {owner}")
    after = FINGERPRINT_CURSORS.after(query.cursor, digest)
    found = await services.run(page_of_quarantine, services.engine, owner, after, query.limit + 1)
    shown, cursor = FINGERPRINT_CURSORS.page(found, query.limit, digest, position_of)
    items = [QuarantineView.of(suspect, of_everybody=owner is None) for suspect in shown]
    return QuarantinePage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Release a workflow: its jobs are accepted and run again, and its failures are counted anew."""
    services, found = request.services, fingerprint_in(request.path)
    if found is None:
        raise quarantine_not_found(request.path["fingerprint"])
    await services.run(release, services.engine, found)
    return Response(status_code=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        "listQuarantine",
        "GET",
        QUARANTINE,
        list_all,
        Scope.READ,
        {HTTPStatus.OK: Answer(QuarantinePage, "a page of workflows, possibly empty")},
        tag="failures",
        query=QuarantineQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
    Operation(
        "releaseFromQuarantine",
        "DELETE",
        f"{QUARANTINE}/{{fingerprint}}",
        delete,
        Scope.ADMIN,
        {HTTPStatus.NO_CONTENT: Answer(None, "the workflow is released", media_types=())},
        tag="failures",
        problems=(Code.QUARANTINE_NOT_FOUND,),
    ),
)
