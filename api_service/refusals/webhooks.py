"""What can be refused about webhooks."""

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal


def webhook_not_found(endpoint_id: object) -> Refusal:
    return Refusal(Code.WEBHOOK_NOT_FOUND, f"there is no webhook {str(endpoint_id)!r}")


def delivery_not_found(delivery_id: object) -> Refusal:
    return Refusal(Code.DELIVERY_NOT_FOUND, f"the webhook has no delivery {str(delivery_id)!r}")
