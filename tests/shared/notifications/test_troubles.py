"""Admins are told once of each trouble of a server, and once that it is over; a server that flaps is one trouble."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col, select

from shared.accounts.keys import KeyTerms, create_key, revoke_key
from shared.database.clock import database_time
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, Scope, ServerTrouble
from shared.notifications.wording import title_of
from tests.jobs import ANOTHER, ANOTHER_USER, SERVER, USER, answering
from tests.notifications import listens, told
from worker_service.scheduler.news import tell_of_servers


@pytest.fixture
def admin(messenger: Messenger) -> str:
    """The key of USER, an admin who listens. ANOTHER_USER listens, and is none."""
    listens(messenger)
    listens(messenger, ANOTHER_USER)
    with messenger.transaction() as session:
        create_key(session, ANOTHER_USER, KeyTerms("tests", [Scope.WRITE]))
        return create_key(session, USER, KeyTerms("tests", [Scope.ADMIN])).key.id


def is_wedged(messenger: Messenger, server: str = SERVER) -> None:
    with messenger.transaction() as session:
        now = database_time(session)
    answering(messenger, server, wedged_since=now, problem="it runs\nnothing")


def is_well(messenger: Messenger, server: str = SERVER) -> None:
    answering(messenger, server, wedged_since=None, problem=None)


def pass_by(messenger: Messenger, **time: float) -> int:
    """Let time pass, in which the servers stay as they are; and look. Returns how many were told."""
    with messenger.transaction() as session:
        ago = timedelta(**time)
        moments = {name: getattr(ServerTrouble, name) - ago for name in ("since", "last_at")}
        session.exec(update(ServerTrouble).values(moments))
    return tell_of_servers(messenger)


def kinds(messenger: Messenger) -> list[str]:
    return [one.kind.value for one in told(messenger)]


def test_a_trouble_that_lasts_is_told_once_and_its_end_once(messenger: Messenger, admin: str) -> None:
    is_wedged(messenger)
    assert tell_of_servers(messenger) == 0
    assert pass_by(messenger, seconds=61) == 1
    for _ in range(3):
        assert pass_by(messenger, minutes=30) == 0
    is_well(messenger)
    assert pass_by(messenger, minutes=9) == 0
    assert pass_by(messenger, minutes=2) == 1
    assert pass_by(messenger, minutes=30) == 0
    trouble, solved = told(messenger)
    assert (trouble.kind, trouble.server, trouble.data["state"]) == ("server_trouble", SERVER, "wedged")
    assert [title_of(one.kind, one.model_dump()) for one in (trouble, solved)] == [
        f"The server {SERVER} is wedged: it runs nothing",
        f"The server {SERVER} works again",
    ]
    assert told(messenger, ANOTHER_USER) == []


@pytest.mark.broad
def test_a_server_that_flaps_is_one_trouble(messenger: Messenger, admin: str) -> None:
    for _ in range(100):
        is_wedged(messenger)
        pass_by(messenger, seconds=20)
        is_well(messenger)
        pass_by(messenger, seconds=20)
    assert kinds(messenger) == ["server_trouble"]
    assert pass_by(messenger, minutes=11) == 1
    assert kinds(messenger) == ["server_trouble", "server_solved"]


def test_a_trouble_that_is_over_before_it_was_told_is_told_to_nobody(messenger: Messenger, admin: str) -> None:
    is_wedged(messenger)
    pass_by(messenger, seconds=0)
    is_well(messenger)
    assert pass_by(messenger, seconds=61) == 0
    assert pass_by(messenger, minutes=11) == 0
    assert kinds(messenger) == []
    with messenger.transaction() as session:
        assert session.exec(select(ServerTrouble)).all() == []


@pytest.mark.parametrize("values", [{"draining_since": func.now()}, {"opened_at": func.now(), "open_until": None}])
def test_a_server_that_is_drained_or_tried_neither_begins_nor_ends_a_trouble(
    messenger: Messenger, admin: str, values: dict[str, Any]
) -> None:
    def stands(**more: Any) -> None:
        with messenger.transaction() as session:
            session.exec(update(ComfyUIServer).values(**more))

    is_well(messenger)
    stands(**values)
    assert pass_by(messenger, minutes=30) == 0
    stands(draining_since=None, opened_at=None)
    is_wedged(messenger)
    tell_of_servers(messenger)
    assert pass_by(messenger, minutes=2) == 1
    stands(wedged_since=None, **values)
    for _ in range(5):
        assert pass_by(messenger, minutes=9) == 0


def test_a_server_that_no_worker_names_any_more_ends_its_trouble(messenger: Messenger, admin: str) -> None:
    is_wedged(messenger)
    is_well(messenger, ANOTHER)
    tell_of_servers(messenger)
    assert pass_by(messenger, minutes=2) == 1
    with messenger.transaction() as session:
        gone = col(ComfyUIServer.name) == SERVER
        session.exec(update(ComfyUIServer).where(gone).values(named_at=func.now() - timedelta(minutes=5)))
    assert pass_by(messenger, minutes=11) == 1
    assert told(messenger)[-1].data["outcome"] == "is named by no worker any more"


def test_who_is_no_admin_any_more_is_told_nothing(messenger: Messenger, engine: Engine, admin: str) -> None:
    with messenger.transaction() as session:
        revoke_key(session, admin)
    is_wedged(messenger)
    tell_of_servers(messenger)
    assert pass_by(messenger, minutes=2) == 0
    assert kinds(messenger) == []
