"""The address that a user's e-mail goes to: named, verified by a code that was mailed there, and forgotten."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.notifications.bodies import AddressBody, CodeBody
from api_service.doors.v1.notifications.views import EMAIL, PreferencesView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.notifications import preferences
from api_service.refusals.codes import Code
from api_service.refusals.notifications import mail_unavailable
from shared.messaging.messages import SendMail
from shared.models import Scope


async def name_address(request: ApiRequest[AddressBody, Nothing]) -> Response:
    """Name the address that e-mail is to go to.

    It is mailed a link and a code, which are good for an hour. Until one of them comes back, nothing else goes there,
    and e-mail goes to the address that was verified before, if there was one.
    """
    services, address = request.services, request.body.address
    if services.settings.smtp_url is None:
        raise mail_unavailable()
    found = await services.run(preferences.ask_for_address, services.engine, request.identity.user_id, address)
    await services.run(services.messenger.send, SendMail())
    return answer_with(PreferencesView.of(found, sends_mail=True), HTTPStatus.ACCEPTED)


async def verify(request: ApiRequest[CodeBody, Nothing]) -> PreferencesView:
    """Verify the address, by the code that was mailed there."""
    services, code = request.services, request.body.code
    found = await services.run(preferences.verify_typed, services.engine, request.identity.user_id, code)
    return PreferencesView.of(found, sends_mail=services.settings.smtp_url is not None)


async def forget(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Forget the address. What was still to be mailed is dropped."""
    await request.services.run(preferences.remove_address, request.services.engine, request.identity.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


OPERATIONS = (
    Operation(
        "nameNotificationAddress",
        "PUT",
        EMAIL,
        name_address,
        Scope.WRITE,
        {HTTPStatus.ACCEPTED: Answer(PreferencesView, "a code is on its way to the address")},
        tag="notifications",
        body=AddressBody,
        problems=(Code.MAIL_UNAVAILABLE, Code.QUOTA_EXCEEDED),
    ),
    Operation(
        "verifyNotificationAddress",
        "POST",
        f"{EMAIL}/verification",
        verify,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(PreferencesView, "the address is verified")},
        tag="notifications",
        body=CodeBody,
    ),
    Operation(
        "forgetNotificationAddress",
        "DELETE",
        EMAIL,
        forget,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the address is forgotten", media_types=())},
        tag="notifications",
    ),
)
