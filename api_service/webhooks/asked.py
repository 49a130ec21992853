"""Where a client asks that the end of its job be told, in the words of either door."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from api_service.refusals.jobs import invalid_fields
from api_service.refusals.refusal import FieldError
from shared.configuration.secrets.webhook_secret import secret_in
from shared.outgoing.destination import LONGEST_URL
from shared.outgoing.exchange import Outgoing
from shared.outgoing.failures import NotAllowed
from shared.webhooks.own import OwnWebhook
from shared.workflows.parameters import without_nul


def is_secret(value: SecretStr) -> SecretStr:
    secret_in(value.get_secret_value())
    return value


Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL), AfterValidator(without_nul)]
Secret = Annotated[SecretStr, AfterValidator(is_secret)]


class OwnWebhookBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """A URL that is told once the job has ended. `secret` signs it, `whsec_` and base64, and is not shown again;
    without one the secret of the user's jobs does."""

    url: Url
    secret: Secret | None = None

    def webhook(self) -> OwnWebhook:
        return OwnWebhook(self.url, None if self.secret is None else secret_in(self.secret.get_secret_value()))


def refuse_closed_urls(outgoing: Outgoing, asked: Iterable[tuple[str, OwnWebhook | None]]) -> None:
    """See whether requests may go to these URLs, each with the field that named it. Raises Refusal: invalid_fields."""
    errors = []
    for field, webhook in asked:
        try:
            if webhook is not None:
                outgoing.check(webhook.url)
        except NotAllowed as error:
            errors.append(FieldError(field=field, message=str(error), code="url_not_allowed"))
    if errors:
        raise invalid_fields(errors)
