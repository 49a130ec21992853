"""A ComfyUI says that a prompt has ended: whoever watches it looks at once. It only makes us look, whoever says it."""

import re
from collections.abc import Mapping

from sqlalchemy import Engine

from api_service.refusals.prompts import invalid_signature
from shared.configuration.secrets.webhook_secret import WebhookSecret
from shared.database.clock import ask_database_time
from shared.messaging.messenger import Messenger
from shared.webhooks.signing import ID, SIGNATURE, TIMESTAMP, is_of_now, is_signed

MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,128}")
LONGEST_TIMESTAMP, LONGEST_SIGNATURES = 20, 1000  # characters


def must_be_signed(secret: WebhookSecret, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Returns the id of the message and its time stamp, yet to be looked at. It may read a file.

    Raises Refusal: invalid_signature.
    """
    message_id, moment, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not MESSAGE_ID.fullmatch(message_id) or len(moment) > LONGEST_TIMESTAMP or len(signatures) > LONGEST_SIGNATURES:
        raise invalid_signature(f"{ID}, {TIMESTAMP} and {SIGNATURE} must be sent, as Standard Webhooks has them")
    if not any(is_signed((message_id, moment, signatures), body, one) for one in secret.good):
        raise invalid_signature("the signature is not that of this secret, id, time stamp and body")
    return message_id, moment


def must_be_of_now(engine: Engine, moment: str) -> None:
    """Asked only for what is signed: it costs a question to the database. Raises Refusal: invalid_signature."""
    if not is_of_now(moment, ask_database_time(engine)):
        raise invalid_signature(f"{TIMESTAMP} is not of now: the clocks of both sides may be five minutes apart")


def tell_watchers(messenger: Messenger, message_id: str, prompt_id: str) -> None:
    """Have the worker look that watches the prompt, if any does. The same message tells it once.

    What gets lost costs nothing but time: each watcher looks by itself, too.
    """
    messenger.have_looked_at(prompt_id, message_id)
