"""What can be refused about notifications and the e-mail that carries them."""

from api_service.refusals.accounts import quota_exceeded
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal


def notification_not_found(number: object) -> Refusal:
    return Refusal(Code.NOTIFICATION_NOT_FOUND, f"there is no notification {str(number)!r}")


def mail_unavailable() -> Refusal:
    return Refusal(Code.MAIL_UNAVAILABLE, "this installation sends no e-mail: its operator has set no SMTP_URL")


def link_invalid() -> Refusal:
    reason = "this link is not one of ours, was used before, or is too old; ask for another e-mail"
    return Refusal(Code.LINK_INVALID, reason)


def too_many_codes(most: int, retry_after_s: int) -> Refusal:
    reason = f"{most} e-mails with a code were sent within an hour, the most that may be; wait, or use the last one"
    return quota_exceeded("verification_mails", reason, retry_after_s=retry_after_s)
