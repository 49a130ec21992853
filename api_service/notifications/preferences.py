"""What a user wants to be told and by which channel, and the address that its e-mail goes to."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from api_service.refusals.jobs import invalid_fields
from api_service.refusals.notifications import link_invalid, too_many_codes
from api_service.refusals.refusal import FieldError
from shared.database.clock import database_time
from shared.database.engine import reading, transaction
from shared.models import Mail, NotificationSettings
from shared.notifications.mails import VERIFY, drop_mails, drop_news
from shared.notifications.secrets import Proof, drawn_code, drawn_secret, hash_of_code, is_signed

CODE_LIVES = timedelta(hours=1)
MOST_CODES = 5  # e-mails with a code to one user in an hour
WRONG_CODE = FieldError(field="code", message="is not the one that was mailed last, or is too old", code="wrong_code")


class Preferences(NamedTuple):
    """What a user wants, by channel; and its address, if it is verified, or what is still to be."""

    in_app: Sequence[str] = ()
    email: Sequence[str] = ()
    webhook: Sequence[str] = ()
    address: str | None = None
    pending_address: str | None = None


def as_preferences(settings: NotificationSettings) -> Preferences:
    return Preferences(*(getattr(settings, name) for name in Preferences._fields))


def preferences_of(engine: Engine, user_id: UUID) -> Preferences:
    with reading(engine) as session:
        found = session.get(NotificationSettings, user_id)
        return as_preferences(found) if found else Preferences()


def change_preferences(engine: Engine, user_id: UUID, values: Mapping[str, Sequence[str]]) -> Preferences:
    """Change what is told by these channels. Who wants no e-mail any more gets no news that still wait."""
    with transaction(engine) as session:
        settings = held_settings(session, user_id)
        settings.sqlmodel_update({channel: list(dict.fromkeys(events)) for channel, events in values.items()})
        if not settings.email:
            drop_news(session, user_id)
        return as_preferences(settings)


def held_settings(session: Session, user_id: UUID) -> NotificationSettings:
    """The settings of a user, made now if there are none, and held."""
    new = insert(NotificationSettings).values(user_id=user_id, secret=drawn_secret())
    session.connection().execute(new.on_conflict_do_nothing())
    return session.get_one(NotificationSettings, user_id, with_for_update={"key_share": True}, populate_existing=True)


def ask_for_address(engine: Engine, user_id: UUID, address: str) -> Preferences:
    """Mail a code to an address, which verifies it. Until then the former one is kept. Raises Refusal:
    quota_exceeded."""
    with transaction(engine) as session:
        settings, now = held_settings(session, user_id), database_time(session)
        if settings.codes_since is None or settings.codes_since <= now - CODE_LIVES:
            settings.codes_sent, settings.codes_since = 0, now
        if settings.codes_sent >= MOST_CODES:
            raise too_many_codes(MOST_CODES, round((settings.codes_since + CODE_LIVES - now).total_seconds()) + 1)
        code = drawn_code()
        settings.codes_sent += 1
        settings.pending_address, settings.code_hash = address, hash_of_code(code)
        settings.code_expires_at = now + CODE_LIVES
        drop_mails(session, user_id, VERIFY)  # an older code is worth nothing any more
        session.add(Mail(user_id=user_id, address=address, template=VERIFY, data={"code": code}))
        return as_preferences(settings)


def verify(engine: Engine, user_id: UUID, code: str) -> Preferences | None:
    """Verify the address that this code was mailed to. None if it is not that code, or too old."""
    with transaction(engine) as session:
        settings = session.get(NotificationSettings, user_id, with_for_update={"key_share": True})
        if settings is None or settings.code_hash is None or settings.code_hash != hash_of_code(code):
            return None
        if settings.code_expires_at is None or settings.code_expires_at <= database_time(session):
            return None
        move_to(session, settings, settings.pending_address)
        return as_preferences(settings)


def verify_typed(engine: Engine, user_id: UUID, code: str) -> Preferences:
    """Raises Refusal: invalid_fields."""
    found = verify(engine, user_id, code)
    if found is None:
        raise invalid_fields([WRONG_CODE])
    return found


def verify_clicked(engine: Engine, proof: Proof | None) -> None:
    """Raises Refusal: link_invalid."""
    if proof is None or verify(engine, proof.user_id, proof.secret) is None:
        raise link_invalid()


def remove_address(engine: Engine, user_id: UUID) -> None:
    """Forget the address, and the one that is to be verified; what was to go there is dropped."""
    with transaction(engine) as session:
        settings = session.get(NotificationSettings, user_id, with_for_update={"key_share": True})
        if settings is not None:
            move_to(session, settings, None)


def move_to(session: Session, settings: NotificationSettings, address: str | None) -> None:
    """From now on e-mail goes to this address; what was made for another is dropped, and its links end."""
    drop_news(session, settings.user_id)
    drop_mails(session, settings.user_id, VERIFY)
    settings.address, settings.secret = address, drawn_secret()
    settings.pending_address = settings.code_hash = settings.code_expires_at = None


def unsubscribe(engine: Engine, proof: Proof | None) -> None:
    """End all e-mail of news of the user who was sent this link. Twice is as once. Raises Refusal: link_invalid."""
    if proof is None:
        raise link_invalid()
    with transaction(engine) as session:
        settings = session.get(NotificationSettings, proof.user_id, with_for_update={"key_share": True})
        if settings is None or not is_signed(proof, settings.secret):
            raise link_invalid()
        settings.email = []
        drop_news(session, settings.user_id)
