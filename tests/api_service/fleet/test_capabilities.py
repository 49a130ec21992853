"""What the fleet can do is read little and seldom, by one thread at a time, and kept while the database is away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, update

from api_service.fleet.capability_cache import CapabilityReader
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import create_engine
from shared.fleet.model_kinds import ModelKind
from shared.messaging.messenger import Messenger
from shared.models import ComfyUIServer
from tests.jobs import ANOTHER, SERVER, answering
from tests.object_infos import object_info, publish

A_WEEK_S = 7 * 24 * 3600


@pytest.fixture
def reader(engine: Engine) -> CapabilityReader:
    return CapabilityReader(engine)


def later(reader: CapabilityReader) -> None:
    """More than five seconds pass."""
    assert reader.read_at is not None
    reader.read_at -= 5.1


def statements(engine: Engine) -> list[str]:
    """The statements that the engine executes from now on."""
    heard: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *facts: heard.append(facts[2]))
    return heard


def test_with_no_server_nothing_is_known(reader: CapabilityReader) -> None:
    assert reader.current().servers == ()


def test_a_server_is_known_with_what_it_said_and_whether_it_is_there(
    messenger: Messenger, reader: CapabilityReader
) -> None:
    publish(messenger, object_info(checkpoints=["a"]), SERVER)
    publish(messenger, object_info(checkpoints=["a", "B"]), ANOTHER, seconds_ago=31)
    capabilities = reader.current()
    assert [(server.name, server.is_usable) for server in capabilities.servers] == [(ANOTHER, False), (SERVER, True)]
    found = capabilities.models(ModelKind.CHECKPOINTS)
    assert {name: (holders.servers, holders.is_available) for name, holders in found.items()} == {
        "a": (2, True),
        "B": (1, False),
    }


def test_a_server_that_does_not_answer_is_not_there_however_lately_it_was_seen(
    messenger: Messenger, reader: CapabilityReader
) -> None:
    publish(messenger, object_info())
    with messenger.transaction() as session:
        session.exec(update(ComfyUIServer).values(unreachable_since=ComfyUIServer.last_seen_at))
    assert [server.is_usable for server in reader.current().servers] == [False]


def test_a_server_that_nobody_saw_for_a_week_is_not_waited_for(messenger: Messenger, reader: CapabilityReader) -> None:
    publish(messenger, object_info(), SERVER, seconds_ago=A_WEEK_S + 60)
    publish(messenger, object_info(), ANOTHER, seconds_ago=A_WEEK_S - 60)
    assert [server.name for server in reader.current().servers] == [ANOTHER]


def test_a_server_that_no_worker_names_any_more_is_known_and_not_counted(
    messenger: Messenger, reader: CapabilityReader
) -> None:
    for server in (SERVER, ANOTHER):
        publish(messenger, object_info(checkpoints=["a"]), server)
    with messenger.transaction() as session:
        session.get_one(ComfyUIServer, ANOTHER).named_at -= timedelta(minutes=2)
    assert [server.name for server in reader.current().servers] == [ANOTHER, SERVER]
    assert reader.current().models(ModelKind.CHECKPOINTS)["a"].servers == 1


def test_a_server_that_said_nothing_is_known_to_be_there(messenger: Messenger, reader: CapabilityReader) -> None:
    answering(messenger)
    (server,) = reader.current().servers
    assert (server.is_usable, server.catalogue) == (True, None)


def test_it_is_read_again_after_five_seconds_and_not_before(messenger: Messenger, reader: CapabilityReader) -> None:
    publish(messenger, object_info(checkpoints=["a"]))
    assert list(reader.current().models(ModelKind.CHECKPOINTS)) == ["a"]
    publish(messenger, object_info(checkpoints=["a", "b"]))
    assert list(reader.current().models(ModelKind.CHECKPOINTS)) == ["a"]
    later(reader)
    assert list(reader.current().models(ModelKind.CHECKPOINTS)) == ["a", "b"]


def test_the_large_document_is_read_once_for_all_servers_that_said_the_same(
    messenger: Messenger, engine: Engine, reader: CapabilityReader
) -> None:
    for server in (SERVER, ANOTHER):
        publish(messenger, object_info(), server)
    heard = statements(engine)
    first, second = reader.current().servers
    assert first.catalogue is second.catalogue
    assert sum("object_info" in statement for statement in heard) == 1
    later(reader)
    heard.clear()
    assert reader.current().servers[0].catalogue is first.catalogue
    assert [statement for statement in heard if "server_capabilities" in statement]
    assert not [statement for statement in heard if "object_info" in statement]


def test_what_no_server_says_any_more_is_not_kept(messenger: Messenger, reader: CapabilityReader) -> None:
    for name in ("a", "b", "c"):
        publish(messenger, object_info(checkpoints=[name]))
        reader.current()
        later(reader)
    reader.current()
    assert len(reader.catalogues) == 1


def test_while_the_database_is_away_what_was_known_last_is_kept(
    messenger: Messenger, settings: Settings, reader: CapabilityReader
) -> None:
    publish(messenger, object_info(checkpoints=["a"]))
    known = reader.current()
    nowhere = create_engine(
        load_settings({**settings.model_dump(mode="json"), "DATABASE_URL": "postgresql://127.0.0.1:9/nowhere"}),
        application="tests",
    )
    reader.engine, here = nowhere, reader.engine
    later(reader)
    assert reader.current() is known
    reader.engine = here
    publish(messenger, object_info(checkpoints=["b"]))
    later(reader)
    assert list(reader.current().models(ModelKind.CHECKPOINTS)) == ["b"]


def test_threads_that_ask_at_once_wait_for_one_that_reads(
    messenger: Messenger, engine: Engine, reader: CapabilityReader
) -> None:
    publish(messenger, object_info())
    heard = statements(engine)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: reader.current(), range(8)))
    assert all(capabilities.servers for capabilities in found)
    assert sum("object_info" in statement for statement in heard) == 1


def test_while_one_reads_the_others_go_on_with_what_is_known(messenger: Messenger, reader: CapabilityReader) -> None:
    publish(messenger, object_info(checkpoints=["a"]))
    known = reader.current()
    later(reader)
    with reader.lock:  # as while another thread reads
        assert reader.current() is known


def test_a_document_that_is_not_understood_is_a_server_that_can_do_nothing(
    messenger: Messenger, reader: CapabilityReader
) -> None:
    publish(messenger, {"Odd": {"input": 5}})
    (server,) = reader.current().servers
    assert server.catalogue is not None
    assert list(server.catalogue.classes) == ["Odd"]
    assert reader.current().models(ModelKind.CHECKPOINTS) == {}
