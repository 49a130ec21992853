"""Every line that is logged while a message is worked on says which message it was."""

from typing import Any

import structlog
from dramatiq import Broker, MessageProxy, Middleware

log = structlog.get_logger(__name__)


class LogContext(Middleware):
    """Stands before Retries in the list, so that its after-hook runs later and knows whether the message failed."""

    def before_process_message(self, _broker: Broker, message: MessageProxy) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(message_id=message.message_id, actor=message.actor_name)

    def after_process_message(
        self, _broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        outcome = "buried" if message.failed else "retried" if exception else "done"
        log.debug("message.processed", outcome=outcome)
        structlog.contextvars.clear_contextvars()

    def after_skip_message(self, _broker: Broker, _message: MessageProxy) -> None:
        structlog.contextvars.clear_contextvars()
