"""A ComfyUI says that a prompt has ended: whoever watches it looks at once. It only makes us look, whoever says it."""

import re
from collections.abc import Mapping
from datetime import datetime

from api_service.refusals.prompts import invalid_signature
from shared.configuration.webhook_secret import WebhookSecret
from shared.messaging.messenger import Messenger
from shared.webhooks.signing import ID, SIGNATURE, TIMESTAMP, is_signed

MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,128}")
LONGEST_TIMESTAMP, LONGEST_SIGNATURES = 20, 1000  # characters


def must_be_signed(secret: WebhookSecret, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Returns the id of the message. Raises Refusal: invalid_signature."""
    message_id, moment, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not MESSAGE_ID.fullmatch(message_id) or len(moment) > LONGEST_TIMESTAMP or len(signatures) > LONGEST_SIGNATURES:
        raise invalid_signature(f"{ID}, {TIMESTAMP} and {SIGNATURE} must be sent, as Standard Webhooks has them")
    if not is_signed((message_id, moment, signatures), body, secret.value, now):
        raise invalid_signature("the signature is not that of this secret and body, or the time stamp is not of now")
    return message_id


def tell_watchers(messenger: Messenger, message_id: str, prompt_id: str) -> None:
    """Have the worker look that watches the prompt, if any does. The same message tells it once.

    What gets lost costs nothing but time: each watcher looks by itself, too.
    """
    messenger.have_looked_at(prompt_id, message_id)
