"""Failures: in groups of jobs that failed in the same way, listed, shown and muted."""

from http import HTTPStatus
from typing import Any

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.failures.bodies import FailureChange, FailuresQuery, fingerprint_in
from api_service.doors.v1.failures.views import FailurePage, FailureView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.jobs.cursors import digest_of
from api_service.jobs.failures import FINGERPRINT_CURSORS, FailureFilters, find_group, mute, page_of_groups
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.codes import Code
from api_service.refusals.jobs import failure_not_found
from shared.models import Scope

FAILURES = "/api/v1/failures"


async def list_failures(request: ApiRequest[Nothing, FailuresQuery]) -> FailurePage:
    """List failures in groups, the one that was seen last first.

    Jobs are in one group if they failed with the same code, in the same class of node, and with the same message but
    for numbers, ids, paths, addresses and quotes. A group that is seen again meanwhile may come to an earlier page.
    """
    query, services = request.query, request.services
    owner = owner_asked_for(request.identity, query.user_id)
    filters = FailureFilters(owner, request.identity.user_id, query.since, query.server, query.code, query.muted)
    digest = digest_of(f"failures {filters}")
    after = FINGERPRINT_CURSORS.after(query.cursor, digest)
    found = await services.read(page_of_groups, filters, after, query.limit + 1)
    shown, cursor = FINGERPRINT_CURSORS.page(found, query.limit, digest, lambda group: group.position)
    items = [FailureView.of(group, of_everybody=owner is None) for group in shown]
    return FailurePage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def show(request: ApiRequest[Nothing, Nothing]) -> FailureView:
    """Show a group of failures: the caller's own, or everybody's to an admin."""
    services, identity = request.services, request.identity
    found = await services.read(find_group, filters_of(request), fingerprint_of(request))
    return FailureView.of(found, of_everybody=identity.owner is None)


async def change(request: ApiRequest[FailureChange, Nothing]) -> FailureView:
    """Mute a group of failures.

    Until then it is left out of the caller's list, and the caller is sent no notifications of its jobs. Webhooks hear
    of them all the same.
    """
    services, identity, until = request.services, request.identity, request.body.muted_until
    found = await services.run(mute, services.engine, filters_of(request), fingerprint_of(request), until)
    return FailureView.of(found, of_everybody=identity.owner is None)


def filters_of(request: ApiRequest[Any, Any]) -> FailureFilters:
    return FailureFilters(request.identity.owner, request.identity.user_id)


def fingerprint_of(request: ApiRequest[Any, Any]) -> str:
    """Raises Refusal: failure_not_found, for what is no fingerprint."""
    found = fingerprint_in(request.path)
    if found is None:
        raise failure_not_found(request.path["fingerprint"])
    return found


ONE = f"{FAILURES}/{{fingerprint}}"
NOT_FOUND = (Code.FAILURE_NOT_FOUND,)

OPERATIONS = (
    Operation(
        "listFailures",
        "GET",
        FAILURES,
        list_failures,
        Scope.READ,
        {HTTPStatus.OK: Answer(FailurePage, "a page of groups, possibly empty")},
        tag="failures",
        query=FailuresQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
    Operation(
        "showFailure",
        "GET",
        ONE,
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(FailureView, "the group")},
        tag="failures",
        problems=NOT_FOUND,
    ),
    Operation(
        "changeFailure",
        "PATCH",
        ONE,
        change,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(FailureView, "the group as it is now")},
        tag="failures",
        body=FailureChange,
        problems=NOT_FOUND,
    ),
)
