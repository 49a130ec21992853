"""Admins are told of a server in trouble once, and once more when it has been well for a while, however it flaps.

A trouble begins when a server is first seen in one, and lasts until it was well for ten minutes on end. It is told of
once it has lasted for a minute and the server is still not well.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import any_, func, literal, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.database.clock import database_time
from shared.fleet.servers import IS_NAMED, STATE, ServerState
from shared.models import ApiKey, ComfyUIServer, NotificationKind, NotificationSettings, Scope, ServerTrouble
from shared.notifications.events import NotificationEvent
from shared.notifications.outbox import Listener, News, held_listeners, tell
from shared.notifications.wording import on_one_line

TOLD_AFTER = timedelta(minutes=1)
SOLVED_AFTER = timedelta(minutes=10)
IN_TROUBLE = {
    ServerState.UNREACHABLE: "unreachable",
    ServerState.UNFIT: "unfit",
    ServerState.WEDGED: "wedged",
    ServerState.OPEN: "failing jobs",
}
PROBLEMS = {ServerState.OPEN: "too many jobs failed there within a minute"}
SOLVED, GONE = "works again", "is named by no worker any more"


class Seen(NamedTuple):
    """A server that workers name. Where it is drained, an operator is at it: that neither begins nor ends a trouble."""

    state: ServerState
    problem: str | None
    is_drained: bool

    @property
    def is_in_trouble(self) -> bool:
        return self.state in IN_TROUBLE and not self.is_drained

    @property
    def is_well(self) -> bool:
        return self.state is ServerState.UP and not self.is_drained


def tell_of_servers(session: Session) -> set[UUID]:
    """Look at all servers, and tell admins what has changed for long enough. Returns those who were told."""
    # Held, so that of two who look at once the second sees what the first has told.
    held = select(ServerTrouble).order_by(col(ServerTrouble.server)).with_for_update()
    troubles = {row.server: row for row in session.exec(held)}
    servers = seen(session)
    if not troubles and not any(one.is_in_trouble for one in servers.values()):
        return set()
    now = database_time(session)
    begin(session, {name: one for name, one in servers.items() if one.is_in_trouble and name not in troubles})
    to_tell = [
        facts
        for name, trouble in troubles.items()
        if (facts := followed(session, trouble, servers.get(name), now)) is not None
    ]
    if not to_tell:
        return set()
    listeners = admins(session).values()
    return tell(session, [news_of(listener, *facts) for listener in listeners for facts in to_tell])


def seen(session: Session) -> dict[str, Seen]:
    row = ComfyUIServer
    found = session.exec(select(row.name, STATE, row.problem, col(row.draining_since).is_not(None)).where(IS_NAMED))
    return {name: Seen(ServerState(state), problem, drained) for name, state, problem, drained in found}


def begin(session: Session, servers: Mapping[str, Seen]) -> None:
    rows = [{"server": name, "state": one.state, "problem": problem_of(one)} for name, one in sorted(servers.items())]
    if rows:
        session.connection().execute(insert(ServerTrouble).on_conflict_do_nothing(), rows)


def followed(
    session: Session, trouble: ServerTrouble, server: Seen | None, now: datetime
) -> tuple[NotificationKind, str, dict[str, Any]] | None:
    """How a trouble goes on; and what is to be told of it now, if anything is."""
    since = {"since": trouble.since.isoformat()}
    if server and server.is_in_trouble:
        trouble.state, trouble.problem, trouble.last_at = server.state, problem_of(server), now
        if trouble.told_at is None and trouble.since <= now - TOLD_AFTER:
            trouble.told_at = now
            data = {"state": IN_TROUBLE[server.state], "problem": trouble.problem, **since}
            return NotificationKind.SERVER_TROUBLE, trouble.server, data
    elif server and not server.is_well:
        trouble.last_at = now
    elif trouble.last_at <= now - SOLVED_AFTER:
        session.delete(trouble)
        if trouble.told_at is not None:
            return NotificationKind.SERVER_SOLVED, trouble.server, {"outcome": SOLVED if server else GONE, **since}
    return None


def problem_of(server: Seen) -> str | None:
    problem = server.problem or PROBLEMS.get(server.state)
    return on_one_line(problem) if problem else None


def admins(session: Session) -> dict[UUID, Listener]:
    """The users who have a good key with the scope `admin`, and want to hear of servers."""
    is_good = (
        literal(Scope.ADMIN.value) == any_(col(ApiKey.scopes)),
        col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now()),
    )
    has_key = select(ApiKey.id).where(ApiKey.user_id == NotificationSettings.user_id, *is_good).exists()
    return held_listeners(session, has_key)


def news_of(listener: Listener, kind: NotificationKind, server: str, data: Mapping[str, Any]) -> News:
    return News(listener.user_id, kind, listener.channels(NotificationEvent.SERVER_TROUBLE), data, server=server)
