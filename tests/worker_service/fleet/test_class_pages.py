"""What a server can do is asked for where it may have changed, and known as far as the server says it."""

import json
import time
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from shared.database.engine import transaction
from shared.models import ComfyUIServer
from tests.object_infos import object_info
from tests.simulator.running import BOTH, RunningSimulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.saying import Saying, known, reader_of, written
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.fleet.capability_reader import CapabilityReader, confirm_models

LARGE = b'{"A": "' + b"x" * (33 * 1024 * 1024) + b'"}'


def notes(engine: Engine, url: str) -> dict[str, str]:
    with transaction(engine) as session:
        return session.get_one(ComfyUIServer, url).notes


def reads(reader: CapabilityReader) -> None:
    """Read as a minute later, when nobody else did lately."""
    with transaction(reader.engine) as session:
        session.connection().exec_driver_sql("UPDATE server_capabilities SET refreshed_at = now() - interval '1 min'")
    reader.read_safely(at_once=False)


def paths(saying: Saying) -> list[str]:
    """What was asked of its classes since the last look."""
    asked, saying.paths = saying.paths, []
    return [path for path in asked if path.startswith("/object_info")]


def test_a_server_whose_loaders_list_the_same_is_not_asked_for_everything(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=True)
        assert paths(saying) == ["/object_info"]
        before = known(engine, saying.url).refreshed_at
        reads(reader)
        assert "/object_info" not in (asked := paths(saying))
        assert "/object_info/CheckpointLoaderSimple" in asked
        assert known(engine, saying.url).refreshed_at > before
        saying.says(object_info(checkpoints=["new.safetensors"]))
        reads(reader)
        assert paths(saying)[-1] == "/object_info"
        assert "ckpt_name=new.safetensors" in known(engine, saying.url).offers
        reader.whole_at = 0.0  # an hour later
        reads(reader)
        assert paths(saying) == ["/object_info"]


@BOTH
def test_the_models_of_a_server_are_the_same_until_one_comes(
    deployment: Deployment, worker: RunningWorker, simulator: RunningSimulator
) -> None:
    engine = deployment.messenger.engine
    until(lambda: written(engine, simulator.url))
    (client,) = worker.resources.fleet.clients.values()
    assert confirm_models(engine, client)
    simulator.fault("answer", path="/object_info/VAELoader", body='{"VAELoader": {}}')
    assert not confirm_models(engine, client)


BROKEN: dict[str, tuple[bytes, int, str]] = {
    "one class breaks it": (b"500 Internal Server Error", 500, "GET /object_info answered 500"),
    "too large": (LARGE, 200, "answers with more than 33554432 bytes"),
    "no JSON": (b'{"A": NaN', 200, "did not answer with a JSON object"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_server_that_does_not_say_all_at_once_is_read_class_by_class(
    engine: Engine, saying: Saying, what: str
) -> None:
    body, status, reason = BROKEN[what]
    whole = {**object_info(), "Odd": {"input": {}}, "Gone": {"input": {}}}
    saying.says(whole)
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=True)
        saying.object_info, saying.status = body, status
        saying.classes = {**object_info(checkpoints=["new.safetensors"]), "Odd": None}
        reader.read_safely(at_once=True)
        row = known(engine, saying.url)
        assert "ckpt_name=new.safetensors" in row.offers
        assert row.object_info["Odd"] == {"input": {}}, "as it last was"
        assert "Gone" not in row.object_info
        note = notes(engine, saying.url)["capabilities"]
        assert reason in note
        assert "as they last were: Odd" in note
        saying.status = 200
        saying.says(object_info())
        reader.read_safely(at_once=True)
        assert notes(engine, saying.url) == {}


@pytest.mark.parametrize("what", BROKEN)
def test_a_server_that_never_said_what_it_can_do_gets_jobs_and_a_note(
    engine: Engine, saying: Saying, what: str
) -> None:
    saying.object_info, saying.status, reason = BROKEN[what]
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=True)
        assert written(engine, saying.url) is None
        note = notes(engine, saying.url)["capabilities"]
        assert reason in note
        assert note.endswith("jobs are sent to it unchecked")


def test_a_server_that_is_away_is_not_asked_for_each_of_its_classes(engine: Engine, saying: Saying) -> None:
    saying.says({f"Class{number}": {"input": {}} for number in range(100)})
    with reader_of(saying.url, engine) as reader, capture_logs() as lines:
        reader.read_safely(at_once=True)
        saying.object_info, saying.status = b"", 502
        saying.classes = dict.fromkeys(json.loads(json.dumps(known(engine, saying.url).object_info)))
        paths(saying)
        reader.read_safely(at_once=True)
        assert len(paths(saying)) == 4
        assert len(known(engine, saying.url).object_info) == 100
        assert notes(engine, saying.url)["capabilities"].endswith("what it last listed holds")
    assert [line["event"] for line in lines][-1] == "capabilities.not_read"


def test_a_server_without_checkpoints_is_a_good_one(engine: Engine, saying: Saying) -> None:
    found: dict[str, Any] = object_info(checkpoints=[])
    saying.says(found)
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=True)
        assert known(engine, saying.url).object_info == found
        assert notes(engine, saying.url) == {}


def test_a_server_that_cannot_say_what_it_can_do_is_asked_less_and_less_often(engine: Engine, saying: Saying) -> None:
    saying.object_info, saying.status = b"", 500
    with reader_of(saying.url, engine) as reader:
        pauses_s = []
        for _ in range(8):
            reader.whole_at = 0.0
            reads(reader)
            pauses_s.append(round(reader.whole_at - time.monotonic()))
        assert pauses_s[:5] == sorted(pauses_s[:5])
        assert pauses_s[0] < 200 < 1000 < pauses_s[4] < 3000 < pauses_s[7] <= 3600
        paths(saying)
        reads(reader)
        assert paths(saying) == []
        saying.says(object_info())
        saying.status = 200
        reader.read_safely(at_once=True)
        assert (known(engine, saying.url).object_info, reader.failures) == (object_info(), 0)
