"""The queue and users are paused and resumed, and what is paused is shown with who wanted it and why."""

from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

import structlog
from pydantic import BaseModel
from sqlalchemy import Engine

from api_service.accounts.account_queries import user_with
from shared.configuration.choices import Sharing
from shared.database.engine import reading
from shared.jobs.claim.due import due_jobs
from shared.jobs.lanes import pauses
from shared.messaging.due_work import WakeUps
from shared.messaging.messenger import Messenger
from shared.models import Pause

log = structlog.get_logger(__name__)


class PauseScope(StrEnum):
    QUEUE = "queue"  # no job starts
    USER = "user"  # none of this user


class PauseView(BaseModel, frozen=True):
    """Why jobs wait that could start: an operator has paused the `queue`, or their `user`. What runs goes on."""

    scope: PauseScope
    reason: str | None
    paused_at: datetime

    @classmethod
    def of(cls, pause: Pause) -> Self:
        scope = PauseScope.QUEUE if pause.user_id is None else PauseScope.USER
        return cls(scope=scope, reason=pause.reason, paused_at=pause.paused_at)


class OperatorPauseView(PauseView, frozen=True):
    """A pause, with the user it is of, `null` for everybody, and the name of the user who wanted it."""

    user_id: UUID | None
    paused_by: str

    @classmethod
    def of(cls, pause: Pause) -> Self:
        fields = PauseView.of(pause).model_dump()
        return cls(**fields, user_id=pause.user_id, paused_by=pause.paused_by)


class PausesView(BaseModel, frozen=True):
    """All that is paused: the queue first, if it is, then up to a thousand users."""

    items: list[OperatorPauseView]


def all_pauses(engine: Engine) -> PausesView:
    with reading(engine) as session:
        return PausesView(items=[OperatorPauseView.of(pause) for pause in pauses.all_pauses(session)])


def queue_paused_at(engine: Engine) -> datetime | None:
    """Since when no job starts, if none does."""
    with reading(engine) as session:
        found = pauses.pause_over(session, None)
        return None if found is None else found.paused_at


def pause(messenger: Messenger, user_id: UUID | None, reason: str | None, operator: UUID) -> OperatorPauseView:
    """Have no job start, or none of this user. Raises Refusal: user_not_found."""
    with messenger.transaction() as session:
        if user_id is not None:
            user_with(session, user_id)
        paused = pauses.pause(session, user_id, reason=reason, paused_by=user_with(session, operator).name)
        session.flush()
        view = OperatorPauseView.of(paused)
    log.info("queue.paused", user_id=user_id and str(user_id), paused_by=view.paused_by)
    return view


def resume(messenger: Messenger, user_id: UUID | None, sharing: Sharing) -> PausesView:
    """Have jobs start again, and wake workers for them. Raises Refusal: user_not_found."""
    with messenger.transaction() as session:
        if user_id is not None:
            user_with(session, user_id)
        pauses.resume(session, user_id)
    log.info("queue.resumed", user_id=user_id and str(user_id))
    WakeUps(messenger, due_jobs(sharing)).send_missing()
    return all_pauses(messenger.engine)
