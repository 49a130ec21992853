"""What a webhook was told and is owed: listed, tested, and sent once more."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.webhooks.bodies import DeliveriesQuery, SinceBody, delivery_id_in, webhook_id_in
from api_service.doors.v1.webhooks.views import WEBHOOKS, DeliveryPage, DeliveryView, OwedAgainView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.pages import next_page
from api_service.jobs.cursors import digest_of
from api_service.refusals.codes import Code
from api_service.webhooks import deliveries
from api_service.webhooks.deliveries import DELIVERY_CURSORS
from shared.messaging.messages import DeliverWebhooks
from shared.models import Scope, WebhookDelivery


async def list_deliveries(request: ApiRequest[Nothing, DeliveriesQuery]) -> DeliveryPage:
    """List what a webhook was told and is owed, the newest first.

    Each is kept for 30 days.
    """
    services, query, webhook_id = request.services, request.query, webhook_id_in(request.path)
    digest = digest_of(f"deliveries {webhook_id} {query.state}")
    after = DELIVERY_CURSORS.after(query.cursor, digest)
    found = await services.read(
        deliveries.page_of_deliveries,
        webhook_id,
        request.identity.owner,
        query.state,
        (after, query.limit + 1),
    )
    shown, cursor = DELIVERY_CURSORS.page(found, query.limit, digest)
    items = [DeliveryView.of(one) for one in shown]
    return DeliveryPage(items=items, next=next_page(request.http, cursor), cursor=cursor)


async def test(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Send a test.

    It is delivered as any event is, with the type `webhook.test`; the list of deliveries shows what came of it.
    """
    services, webhook_id = request.services, webhook_id_in(request.path)
    owed = await services.run(deliveries.owe_test, services.engine, webhook_id, request.identity.owner)
    return await accepted(request, owed)


async def redeliver(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Send a delivery once more, whatever became of it.

    It has the same id and body, and ten tries again.
    """
    services, webhook_id, delivery_id = request.services, webhook_id_in(request.path), delivery_id_in(request.path)
    owner = request.identity.owner
    owed = await services.run(deliveries.owe_again, services.engine, webhook_id, delivery_id, owner)
    return await accepted(request, owed)


async def redeliver_failed(request: ApiRequest[SinceBody, Nothing]) -> Response:
    """Send all deliveries once more that failed, of events since a moment."""
    services, webhook_id = request.services, webhook_id_in(request.path)
    count = await services.run(
        deliveries.owe_failed_again, services.engine, webhook_id, request.identity.owner, request.body.since
    )
    await services.run(services.messenger.send, DeliverWebhooks())
    return answer_with(OwedAgainView(deliveries=count), HTTPStatus.ACCEPTED)


async def accepted(request: ApiRequest[Nothing, Nothing], owed: WebhookDelivery) -> Response:
    """It is recorded; a wake-up only makes it quicker."""
    await request.services.run(request.services.messenger.send, DeliverWebhooks())
    return answer_with(DeliveryView.of(owed), HTTPStatus.ACCEPTED)


ONE = f"{WEBHOOKS}/{{webhook_id}}"
OWED = {HTTPStatus.ACCEPTED: Answer(DeliveryView, "the delivery, which is due now")}

OPERATIONS = (
    Operation(
        "listWebhookDeliveries",
        "GET",
        f"{ONE}/deliveries",
        list_deliveries,
        Scope.READ,
        {HTTPStatus.OK: Answer(DeliveryPage, "a page of deliveries, possibly empty")},
        tag="webhooks",
        query=DeliveriesQuery,
        problems=(Code.WEBHOOK_NOT_FOUND, Code.INVALID_CURSOR),
    ),
    Operation(
        "testWebhook",
        "POST",
        f"{ONE}/test",
        test,
        Scope.WRITE,
        OWED,
        tag="webhooks",
        problems=(Code.WEBHOOK_NOT_FOUND, Code.INVALID_FIELDS),
    ),
    Operation(
        "redeliver",
        "POST",
        f"{ONE}/deliveries/{{delivery_id}}/redeliver",
        redeliver,
        Scope.WRITE,
        OWED,
        tag="webhooks",
        problems=(Code.WEBHOOK_NOT_FOUND, Code.DELIVERY_NOT_FOUND),
    ),
    Operation(
        "redeliverFailed",
        "POST",
        f"{ONE}/redeliver-failed",
        redeliver_failed,
        Scope.WRITE,
        {HTTPStatus.ACCEPTED: Answer(OwedAgainView, "how many are due now")},
        tag="webhooks",
        body=SinceBody,
        problems=(Code.WEBHOOK_NOT_FOUND,),
    ),
)
