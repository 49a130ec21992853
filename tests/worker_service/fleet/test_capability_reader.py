"""Workers write down what each server can do: at once, each minute, where it changed; and no answer does any harm."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, event

from shared.configuration.server_urls import Terms, server_url
from tests.object_infos import object_info, page
from tests.shared.fleet.test_replacements import INFO, SAID
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.deployment import Deployment
from tests.worker_service.run.saying import Saying, client_of, known, reader_of, written
from tests.worker_service.running_worker import QUICK, RunningWorker
from tests.worker_service.waiting import until
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import Answer
from worker_service.fleet.capability_reader import confirm_models, read_capabilities
from worker_service.fleet.health import Fleet
from worker_service.fleet.records import Sight, record_sight
from worker_service.fleet.timings import FleetTimings

TOOLING = object_info(classes={"ETN_LoadImageCache": page({"id": ["STRING", {}]})})
# A worker that probes its servers ten times as often as in production.
OFTEN = {"timings": replace(QUICK, fleet=FleetTimings(probe_every_s=0.5))}


def test_a_worker_writes_down_at_once_what_its_server_can_do(deployment: Deployment, worker: RunningWorker) -> None:
    engine, url = deployment.messenger.engine, deployment.comfyui.url
    until(lambda: written(engine, url))
    row = known(engine, url)
    assert row.object_info == deployment.comfyui.http.get("/object_info").json()
    assert row.devices[0]["name"] == "cpu"
    assert (datetime.now(UTC) - row.refreshed_at).total_seconds() < 60
    assert "ckpt_name=random_sd15.safetensors" in row.offers


def test_a_server_that_comes_back_with_other_models_is_read_at_once(deployment: Deployment) -> None:
    engine, url = deployment.messenger.engine, deployment.comfyui.url
    with deployment.worker() as worker:
        until(lambda: written(engine, url))
        deployment.comfyui.kill()
        worker.look()
        assert deployment.server().unreachable_since
        assert "ckpt_name=random_sd15.safetensors" in known(engine, url).offers, "kept while it is away"
        with running_simulator(port=deployment.comfyui.port, checkpoint=["after.safetensors"], embedding=["after"]):
            worker.look()
            until(lambda: "ckpt_name=after.safetensors" in known(engine, url).offers)
            assert known(engine, url).embeddings == ["after"]
    deployment.comfyui.restart()


def test_it_is_news_that_a_server_is_there_again_or_changed(engine: Engine, simulator: RunningSimulator) -> None:
    fleet = Fleet(engine, [server_url(simulator.url)], slots=2, timings=FleetTimings())
    (client,) = fleet.clients.values()

    def is_news() -> bool:
        fleet.changed[client.name].clear()
        fleet.probe(client)
        return fleet.changed[client.name].is_set()

    assert is_news()
    assert not is_news()
    fleet.record_loss(client.name, "a job noticed that it is gone")
    assert is_news()
    record_sight(fleet.engine, client.name, Sight("0.7.9", Terms(2), 0, None))
    fleet.versions[client.name] = "0.7.9"
    assert is_news()
    fleet.close()


def test_what_has_not_changed_is_confirmed_and_not_written_again(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with client_of(saying.url, engine) as client:
        read_capabilities(engine, client)
        first = known(engine, saying.url)
        saying.devices = [{"name": "gpu", "vram_free": 5}]
        heard: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *facts: heard.append(facts[2]))
        read_capabilities(engine, client)
        assert not [statement for statement in heard if "object_info" in statement or "LOCK" in statement]
        second = known(engine, saying.url)
    assert second.refreshed_at > first.refreshed_at
    assert (second.digest, second.object_info) == (first.digest, first.object_info)
    assert second.devices == saying.devices


def test_what_has_changed_is_written_with_what_it_offers(engine: Engine, saying: Saying) -> None:
    with client_of(saying.url, engine) as client:
        for checkpoints in (["one"], ["one", "two"], ["two"]):
            saying.says(object_info(checkpoints=checkpoints))
            read_capabilities(engine, client)
            row = known(engine, saying.url)
            assert row.object_info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] == checkpoints
            assert [name for name in row.offers if name.startswith("ckpt_name=")] == [
                f"ckpt_name={name}" for name in checkpoints
            ]


def test_classes_that_a_server_replaces_are_written_too(engine: Engine, saying: Saying) -> None:
    saying.says(INFO)
    with client_of(saying.url, engine) as client:
        digests = []
        for said in (None, b"{}", b"[]", b"oops", json.dumps(SAID).encode(), json.dumps({**SAID, "odd": 5}).encode()):
            saying.replacements = said
            read_capabilities(engine, client)
            digests.append(known(engine, saying.url).digest)
        row = known(engine, saying.url)
    assert len(set(digests[:4])) == len(set(digests[4:])) == 1
    assert digests[0] != digests[-1]
    assert (row.replacements, row.object_info) == (SAID, INFO)
    assert "class_type=ResizeImagesByLongerEdge" in row.offers


def test_embeddings_are_written_whatever_a_server_says_of_them(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with client_of(saying.url, engine) as client:
        for said in (None, b"{}", b"oops", b'"easynegative"'):
            saying.embeddings = said
            read_capabilities(engine, client)
            assert known(engine, saying.url).embeddings == []
        saying.embeddings = json.dumps(["b", "a", "b", 5, "", "c\0", "x" * 300]).encode()
        read_capabilities(engine, client)
        assert known(engine, saying.url).embeddings == ["b", "a", "c\ufffd"]


def test_what_models_are_is_written_whatever_a_server_says_of_them(engine: Engine, saying: Saying) -> None:
    saying.says(TOOLING)
    with client_of(saying.url, engine) as client:
        for said in (b"[]", b"oops", b'{"error": "away"}', b'{"a": 5, "b": {}, "c": {"base_model": 7}, "_meta": 5}'):
            saying.model_info = {"checkpoints": said, "loras": b"{}"}
            read_capabilities(engine, client)
            assert known(engine, saying.url).model_info.get("checkpoints", {}) == {}
        odd = {"base_model": "s\0d" + "x" * 300, "is_inpaint": True, "type": None, "more": [1], "of\0": 1}
        said_of_all = {"sd.safetensors": odd, "x" * 300: {"base_model": "sd15"}, "_meta": {"total": 100}}
        saying.model_info = {"checkpoints": json.dumps(said_of_all).encode()}
        before = len(saying.paths)
        read_capabilities(engine, client)
        row = known(engine, saying.url)
    (found,) = row.model_info["checkpoints"].values()
    assert found == {"base_model": "s\ufffdd" + "x" * 252, "is_inpaint": True, "of\ufffd": 1}
    asked = [path for path in saying.paths[before:] if "/checkpoints" in path]
    assert [path.partition("?")[2] for path in asked] == [f"offset={offset}&limit=8" for offset in range(0, 100, 8)]


def test_a_server_without_these_nodes_is_not_asked_what_its_models_are(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with client_of(saying.url, engine) as client:
        read_capabilities(engine, client)
    assert not [path for path in saying.paths if "etn" in path]
    assert known(engine, saying.url).model_info == {}


def test_what_a_server_no_longer_says_of_its_models_stays_until_it_has_no_such_folder(
    engine: Engine, saying: Saying
) -> None:
    saying.says(TOOLING)
    found = []
    with client_of(saying.url, engine) as client:
        for said in (b'{"a": {"base_model": "sd15"}}', b"oops", b'{"b": {"base_model": "sdxl"}}', None):
            saying.model_info = {} if said is None else {"checkpoints": said}
            read_capabilities(engine, client)
            found.append([*known(engine, saying.url).model_info.get("checkpoints", ())])
    assert found == [["a"], ["a"], ["b"], []]


def test_another_embedding_is_seen_with_the_next_look(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with client_of(saying.url, engine) as client:
        read_capabilities(engine, client)
        assert confirm_models(engine, client)
        saying.embeddings = b'["new"]'
        assert not confirm_models(engine, client)
        read_capabilities(engine, client)
        assert confirm_models(engine, client)


def test_servers_that_change_at_once_know_what_each_lacks(engine: Engine) -> None:
    urls = [f"http://127.0.0.1:9/{number}" for number in range(6)]
    fleet = Fleet(engine, [server_url(url) for url in urls], slots=2, timings=FleetTimings())

    class Told(ComfyUIClient):
        def object_info(self, **_: Any) -> dict[str, Any]:
            return object_info(checkpoints=[self.name[-1]])

        def devices(self) -> list[dict[str, Any]]:
            return []

        def node_replacements(self) -> dict[str, Any]:
            return {}

        def ask(self, *_: Any, **__: Any) -> Answer:
            return Answer(404, bytearray())

    for url in urls:
        record_sight(fleet.engine, url, Sight("0.8.0", Terms(2), 0, None))
    with ThreadPoolExecutor(len(urls)) as threads:
        list(threads.map(lambda url: read_capabilities(engine, Told(url)), urls))
    for url in urls:
        others = sorted(f"ckpt_name={other[-1]}" for other in urls if other != url)
        assert known(engine, url).lacks == others
    fleet.close()


def test_what_another_worker_read_lately_is_not_read_again(engine: Engine, saying: Saying) -> None:
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=False)
        reader.read_safely(at_once=False)
        assert saying.asked == 1
        reader.read_safely(at_once=True)
        assert saying.asked == 2


def test_a_server_that_does_not_say_what_it_can_do_still_gets_jobs(deployment: Deployment) -> None:
    hanging = deployment.comfyui.fault("hang_http", path="/object_info")
    with deployment.worker(OFTEN):
        hanging.wait_until_struck()
        job_id = deployment.submit()
        deployment.ended(job_id)
        assert written(deployment.messenger.engine, deployment.comfyui.url) is None
        hanging.clear()


def test_an_answer_that_takes_long_does_not_keep_a_server_from_being_seen(deployment: Deployment) -> None:
    hanging = deployment.comfyui.fault("hang_http", path="/object_info")
    with deployment.worker(OFTEN):
        hanging.wait_until_struck()
        seen = deployment.server().last_seen_at
        until(lambda: deployment.server().last_seen_at != seen)
        hanging.clear()
