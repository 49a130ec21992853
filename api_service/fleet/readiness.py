"""Whether workers and servers were seen lately: what an operator asks first."""

from datetime import timedelta

from sqlalchemy import Engine, func
from sqlmodel import col, select

from shared.database.engine import transaction
from shared.fleet.servers import IS_NAMED
from shared.models import ComfyUIServer, Worker


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes said lately that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def servers_seen(engine: Engine, lately: timedelta) -> tuple[int, int]:
    """How many of the ComfyUI servers that workers name answered lately and work, and how many do not."""
    with transaction(engine) as session:
        well = (
            (col(ComfyUIServer.last_seen_at) > func.now() - lately)
            & col(ComfyUIServer.unreachable_since).is_(None)
            & col(ComfyUIServer.wedged_since).is_(None)
        )
        found = session.exec(select(well, func.count()).where(IS_NAMED).group_by(well)).all()
    counts = {bool(answers): count for answers, count in found}
    return counts.get(True, 0), counts.get(False, 0)
