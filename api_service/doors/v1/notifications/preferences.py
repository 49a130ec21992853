"""What a user wants to be told, by channel."""

from http import HTTPStatus

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.notifications.bodies import PreferencesChange
from api_service.doors.v1.notifications.views import PREFERENCES, PreferencesView
from api_service.http.operations import Answer, Nothing, Operation
from api_service.notifications import preferences
from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.models import Scope
from shared.notifications.events import NotificationEvent

FOR_ADMINS = "server_trouble is for admins: it needs a key with the scope admin"


async def show(request: ApiRequest[Nothing, Nothing]) -> PreferencesView:
    """Show what the caller is told, by which channel, and where its e-mail goes.

    At first, nobody is told anything.
    """
    services = request.services
    found = await services.run(preferences.preferences_of, services.engine, request.identity.user_id)
    return PreferencesView.of(found, sends_mail=services.settings.smtp_url is not None)


async def change(request: ApiRequest[PreferencesChange, Nothing]) -> PreferencesView:
    """Change what the caller is told, by channel.

    `job_completed` and `job_failed` are of jobs that were submitted alone. Those of a batch are told of together, as
    `batch_done`, once all have ended; who asked for `job_failed` hears of batches in which some failed.
    `server_trouble` is for admins. `webhook` goes to those of the caller's webhooks that want `notification.created`.
    """
    services, values = request.services, request.body.model_dump(exclude_unset=True)
    if not request.identity.is_admin:
        refuse_what_is_for_admins(request.body)
    found = await services.run(preferences.change_preferences, services.engine, request.identity.user_id, values)
    return PreferencesView.of(found, sends_mail=services.settings.smtp_url is not None)


def refuse_what_is_for_admins(body: PreferencesChange) -> None:
    """Raises Refusal: invalid_fields."""
    wrong = [
        FieldError(field=f"{channel}[{place}]", message=FOR_ADMINS, code="for_admins")
        for channel, events in body
        for place, event in enumerate(events)
        if event is NotificationEvent.SERVER_TROUBLE
    ]
    if wrong:
        raise invalid_fields(wrong)


OPERATIONS = (
    Operation(
        "showNotificationPreferences",
        "GET",
        PREFERENCES,
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(PreferencesView, "what the caller is told")},
        tag="notifications",
    ),
    Operation(
        "changeNotificationPreferences",
        "PATCH",
        PREFERENCES,
        change,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(PreferencesView, "what the caller is told from now on")},
        tag="notifications",
        body=PreferencesChange,
    ),
)
