"""Servers that no worker names any more are counted no more, and forgotten after a while."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.configuration.server_urls import server_url
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer, ServerCapabilities
from tests.jobs import ANOTHER, SERVER, answering
from tests.object_infos import object_info, publish
from tests.simulator.running import RunningSimulator
from tests.worker_service.run.saying import known
from worker_service.fleet.health import Fleet
from worker_service.fleet.timings import FleetTimings
from worker_service.scheduler.schedule import SCHEDULE
from worker_service.scheduler.sweeps import forget_servers

HOUR = timedelta(hours=1)


def named(messenger: Messenger, name: str, ago: timedelta, **facts: object) -> None:
    """A worker last looked at this server so long ago."""
    with messenger.transaction() as session:
        session.get_one(ComfyUIServer, name).sqlmodel_update({"named_at": datetime.now(UTC) - ago, **facts})


def names(engine: Engine, messenger: Messenger) -> list[str]:
    with messenger.transaction() as session:
        return list(session.exec(select(ComfyUIServer.name).order_by(col(ComfyUIServer.name))))


def test_one_that_nobody_names_is_forgotten_with_what_it_could_do(messenger: Messenger, engine: Engine) -> None:
    publish(messenger, object_info(checkpoints=["a"]), SERVER)
    publish(messenger, object_info(checkpoints=["a", "b"]), ANOTHER)
    with messenger.transaction() as session:
        session.get_one(ServerCapabilities, SERVER).lacks = ["ckpt_name=b"]
    assert forget_servers(engine) == []
    named(messenger, ANOTHER, HOUR)
    assert forget_servers(engine) == [ANOTHER]
    assert names(engine, messenger) == [SERVER]
    assert known(engine, SERVER).lacks == [], "nobody has any more what it lacked"


def test_none_is_forgotten_while_no_worker_looks(messenger: Messenger, engine: Engine) -> None:
    answering(messenger, SERVER, ANOTHER)
    for server in (SERVER, ANOTHER):
        named(messenger, server, 24 * HOUR)
    assert forget_servers(engine) == []


def test_one_that_is_drained_is_remembered(messenger: Messenger, engine: Engine) -> None:
    answering(messenger, SERVER, ANOTHER)
    named(messenger, ANOTHER, HOUR, draining_since=datetime.now(UTC))
    assert forget_servers(engine) == []


def test_one_that_is_named_is_kept_whether_it_answers_or_not(
    messenger: Messenger, engine: Engine, simulator: RunningSimulator
) -> None:
    away = "http://127.0.0.1:9"
    fleet = Fleet(engine, [server_url(simulator.url), server_url(away)], slots=2, timings=FleetTimings())
    answering(messenger, simulator.url, away, SERVER)
    for server in (simulator.url, away, SERVER):
        named(messenger, server, HOUR)
    for client in fleet.clients.values():
        fleet.probe(client)
    fleet.close()
    assert forget_servers(engine) == [SERVER]
    assert names(engine, messenger) == sorted([simulator.url, away])


def test_the_scheduler_does_it_often_enough_for_an_hour() -> None:
    (every,) = [periodic.every for periodic in SCHEDULE if periodic.name == "forget servers that nobody names"]
    assert every <= timedelta(minutes=5)
