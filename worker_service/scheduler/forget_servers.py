"""A server that no worker names any more is forgotten, with what it could do."""

import structlog
from sqlalchemy import Engine, delete
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from shared.database.engine import transaction
from shared.fleet.capabilities import LOCK_OFFERS, compare_servers
from shared.fleet.servers import IS_FORGOTTEN
from shared.models import ComfyUIServer

log = structlog.get_logger(__name__)


def forget_servers(engine: Engine) -> list[str]:
    """Returns the names of those that were forgotten; none while the database is away."""
    try:
        with transaction(engine) as session:
            if session.exec(select(ComfyUIServer.name).where(*IS_FORGOTTEN).limit(1)).first() is None:
                return []
        with transaction(engine) as session:
            forgotten = forget(session)
    except SQLAlchemyError as error:
        log.warning("servers.unavailable", error=str(error))
        return []
    log.info("servers.forgotten", servers=forgotten)
    return forgotten


def forget(session: Session) -> list[str]:
    # Before the rows: whoever writes down what a server can do takes this lock first, too.
    session.execute(LOCK_OFFERS)
    statement = delete(ComfyUIServer).where(*IS_FORGOTTEN).returning(col(ComfyUIServer.name))
    forgotten = sorted(session.execute(statement.execution_options(synchronize_session=False)).scalars())
    compare_servers(session)
    return forgotten
