"""Webhooks: made, listed, shown, changed and deleted, and their secrets replaced."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.webhooks.bodies import WebhookBody, WebhookChange, values_of, webhook_id_in
from api_service.doors.v1.webhooks.views import WEBHOOKS, SecretWebhookView, WebhooksView, WebhookView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.refusals.codes import Code
from api_service.webhooks import endpoints, of_jobs
from shared.models import Scope

UNSHOWN = {"Cache-Control": "no-store"}


async def create(request: ApiRequest[WebhookBody, Nothing]) -> Response:
    """Make a webhook.

    Whenever a job of the user ends, its URL is sent a POST, signed by the scheme of Standard Webhooks 1.0. The answer
    has the secret, which is shown this once.
    """
    services = request.services
    made = await services.run(endpoints.create_endpoint, services.engine, request.identity.user_id, values_of(request))
    headers = {"Location": f"{WEBHOOKS}/{made.id}", **UNSHOWN}
    return answer_with(SecretWebhookView.with_secret(made), HTTPStatus.CREATED, **headers)


async def list_all(request: ApiRequest[Nothing, Nothing]) -> WebhooksView:
    """List the caller's own webhooks, the oldest first."""
    services = request.services
    found = await services.run(endpoints.list_endpoints, services.engine, request.identity.user_id)
    return WebhooksView(items=[WebhookView.of(one) for one in found])


async def show(request: ApiRequest[Nothing, Nothing]) -> WebhookView:
    """Show a webhook."""
    services, webhook_id = request.services, webhook_id_in(request.path)
    found = await services.run(endpoints.find_endpoint, services.engine, webhook_id, request.identity.owner)
    return WebhookView.of(found)


async def change(request: ApiRequest[WebhookChange, Nothing]) -> WebhookView:
    """Change a webhook.

    What is absent stays as it is. While one is not `enabled`, what it is owed waits, and new events pass it by.
    """
    services, webhook_id, values = request.services, webhook_id_in(request.path), values_of(request)
    changed = await services.run(endpoints.change_endpoint, services.engine, webhook_id, request.identity.owner, values)
    return WebhookView.of(changed)


async def replace_secret(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Replace the secret.

    For 24 hours each delivery is signed with both, so that receivers can change over in their own time.
    """
    services, webhook_id = request.services, webhook_id_in(request.path)
    changed = await services.run(endpoints.replace_secret, services.engine, webhook_id, request.identity.owner)
    return answer_with(SecretWebhookView.with_secret(changed), HTTPStatus.OK, **UNSHOWN)


async def draw_secret_of_jobs(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Draw the secret that signs for single jobs.

    It signs where a job named a `webhook` without a secret. If there was one, both sign for 24 hours.
    """
    services = request.services
    made = await services.run(of_jobs.draw_secret, services.engine, request.identity.user_id)
    return answer_with(SecretWebhookView.with_secret(made), HTTPStatus.OK, **UNSHOWN)


async def delete(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Delete a webhook, with what it is still owed."""
    services, webhook_id = request.services, webhook_id_in(request.path)
    await services.run(endpoints.delete_endpoint, services.engine, webhook_id, request.identity.owner)
    return Response(status_code=HTTPStatus.NO_CONTENT)


ONE = f"{WEBHOOKS}/{{webhook_id}}"
SECRETLY = {"Cache-Control": "`no-store`"}
NOT_FOUND = (Code.WEBHOOK_NOT_FOUND,)


OPERATIONS = (
    Operation(
        "createWebhook",
        "POST",
        WEBHOOKS,
        create,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(
                SecretWebhookView,
                "the webhook, with its secret",
                headers={"Location": "where the webhook is", **SECRETLY},
            )
        },
        tag="webhooks",
        body=WebhookBody,
        problems=(Code.QUOTA_EXCEEDED,),
    ),
    Operation(
        "listWebhooks",
        "GET",
        WEBHOOKS,
        list_all,
        Scope.READ,
        {HTTPStatus.OK: Answer(WebhooksView, "the caller's webhooks")},
        tag="webhooks",
    ),
    Operation(
        "showWebhook",
        "GET",
        ONE,
        show,
        Scope.READ,
        {HTTPStatus.OK: Answer(WebhookView, "the webhook")},
        tag="webhooks",
        problems=NOT_FOUND,
    ),
    Operation(
        "changeWebhook",
        "PATCH",
        ONE,
        change,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(WebhookView, "the webhook as it is now")},
        tag="webhooks",
        body=WebhookChange,
        problems=NOT_FOUND,
    ),
    Operation(
        "deleteWebhook",
        "DELETE",
        ONE,
        delete,
        Scope.WRITE,
        {HTTPStatus.NO_CONTENT: Answer(None, "the webhook is gone", media_types=())},
        tag="webhooks",
        problems=NOT_FOUND,
    ),
    Operation(
        "replaceWebhookSecret",
        "POST",
        f"{ONE}/secret",
        replace_secret,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(SecretWebhookView, "the webhook, with its new secret", headers=SECRETLY)},
        tag="webhooks",
        problems=NOT_FOUND,
    ),
    Operation(
        "drawSecretOfJobs",
        "POST",
        f"{WEBHOOKS}/of-jobs/secret",
        draw_secret_of_jobs,
        Scope.WRITE,
        {HTTPStatus.OK: Answer(SecretWebhookView, "the webhook of all jobs, with its new secret", headers=SECRETLY)},
        tag="webhooks",
    ),
)
