"""How many workers live, and how many servers are usable: what an operator asks first."""

from datetime import timedelta

from sqlalchemy import Engine, func
from sqlmodel import col, select

from shared.database.engine import transaction
from shared.fleet import servers
from shared.models import Worker


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes reported within this time that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def usable_servers(engine: Engine) -> tuple[int, int]:
    """How many ComfyUI servers are given jobs, and how many servers workers have."""
    with transaction(engine) as session:
        return servers.usable_servers(session)
