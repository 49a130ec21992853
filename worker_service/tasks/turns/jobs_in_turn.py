"""The jobs that a task is about, in pages, from where the last one ended; each is counted as it is passed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from shared.database.engine import reading
from shared.jobs.listing.chosen import Chosen, count, next_jobs
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import Position
from shared.version import VERSION
from worker_service.tasks.turns.turn import NotNow, Turn

log = structlog.get_logger(__name__)

TOOK_TOO_LONG = "57014"  # SQLSTATE


def chosen_by(turn: Turn) -> Chosen:
    """Which jobs the task is about. None that were accepted after it. Raises NotNow, for a filter that says what only a
    newer release knows: a worker of that one may be next."""
    given = turn.parameters.get("filter") or {}
    try:
        filters = Filters.model_validate({**given, "user_id": None})
    except ValidationError as error:
        names = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise NotNow(
            "filter_not_known", f"no worker of release {VERSION} knows what the filter says of {names}"
        ) from error
    return Chosen(turn.owner, filters.up_to(turn.task.created_at), turn.parameters.get("ids"))


def count_once(turn: Turn, chosen: Chosen) -> None:
    """Find out how much there is to do. What takes too long to count is done without knowing."""
    if turn.cursor or turn.task.total is not None:
        return
    try:
        with reading(turn.resources.messenger.engine) as session:
            total = count(session, chosen)
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != TOOK_TOO_LONG:
            raise
        log.warning("task.not_counted")
    else:
        turn.count(total)


def next_ids(session: Session, turn: Turn, chosen: Chosen, limit: int) -> tuple[Sequence[int], Mapping[str, Any]]:
    """The next jobs, and the cursor behind the last of them. Fewer than `limit`: there are no more."""
    found = next_jobs(session, chosen, position_in(turn.cursor), limit)
    if not found:
        return [], turn.cursor
    last = found[-1]
    return [row.id for row in found], {
        **turn.cursor,
        "created_at": last.created_at.isoformat(),
        "id": last.id,
    }


def position_in(cursor: Mapping[str, Any]) -> Position[int] | None:
    if "id" not in cursor:
        return None
    return Position(datetime.fromisoformat(cursor["created_at"]), cursor["id"])
