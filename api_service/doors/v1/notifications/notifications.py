"""What a user was told: listed, counted, and marked as read."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.notifications.bodies import NotificationsQuery, UpToBody, number_of
from api_service.doors.v1.notifications.views import (
    NOTIFICATIONS,
    NotificationPage,
    NotificationView,
    ReadView,
    UnreadView,
)
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.jobs.cursors import digest_of
from api_service.notifications import listing
from api_service.notifications.listing import NOTIFICATION_CURSORS
from api_service.refusals.codes import Code
from shared.models import Scope


async def list_notifications(request: ApiRequest[Nothing, NotificationsQuery]) -> NotificationPage:
    """List what the caller was told in the app, the newest first.

    Each is kept for 30 days.
    """
    services, query, user_id = request.services, request.query, request.identity.user_id
    digest = digest_of(f"notifications {user_id} {query.unread}")
    after = NOTIFICATION_CURSORS.after(query.cursor, digest)
    page = (after, query.limit + 1)
    found = await services.run(listing.page_of_notifications, services.engine, user_id, unread=query.unread, page=page)
    shown, cursor = NOTIFICATION_CURSORS.page(found, query.limit, digest)
    items = [NotificationView.of(one) for one in shown]
    return NotificationPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def count_unread(request: ApiRequest[Nothing, Nothing]) -> UnreadView:
    """Count what is unread, up to 1,000."""
    services = request.services
    return UnreadView(unread=await services.run(listing.count_unread, services.engine, request.identity.user_id))


async def read_one(request: ApiRequest[Nothing, Nothing]) -> NotificationView:
    """Mark a notification as read."""
    services, number = request.services, number_of(request.path)
    return NotificationView.of(await services.run(listing.mark_read, services.engine, request.identity.user_id, number))


async def read_all(request: ApiRequest[UpToBody, Nothing]) -> ReadView:
    """Mark all notifications as read, or all up to one of them.

    With `up_to`, what came since the caller last looked stays unread.
    """
    services, up_to = request.services, request.body.up_to
    read = await services.run(listing.mark_all_read, services.engine, request.identity.user_id, up_to)
    return ReadView(read=read)


OPERATIONS = (
    Operation(
        "listNotifications",
        "GET",
        NOTIFICATIONS,
        list_notifications,
        Scope.READ,
        {HTTPStatus.OK: Answer(NotificationPage, "a page of notifications, possibly empty")},
        tag="notifications",
        query=NotificationsQuery,
        problems=(Code.INVALID_CURSOR,),
    ),
    Operation(
        "countUnreadNotifications",
        "GET",
        f"{NOTIFICATIONS}/unread",
        count_unread,
        Scope.READ,
        {HTTPStatus.OK: Answer(UnreadView, "how many are unread")},
        tag="notifications",
    ),
    Operation(
        "readNotification",
        "POST",
        f"{NOTIFICATIONS}/{{notification_id}}/read",
        read_one,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(NotificationView, "the notification, which is read")},
        tag="notifications",
        problems=(Code.NOTIFICATION_NOT_FOUND,),
    ),
    Operation(
        "readNotifications",
        "POST",
        f"{NOTIFICATIONS}/read",
        read_all,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(ReadView, "how many were unread")},
        tag="notifications",
        body=UpToBody,
    ),
)
