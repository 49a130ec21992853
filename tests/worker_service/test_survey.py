"""Workers write down what each server can do: at once, each minute, where it changed; and no answer does any harm."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.database import transaction
from shared.errors import ComfyUIUnreachable
from shared.models import ComfyUIServer, ServerCapabilities
from shared.setting_types import server_url
from tests.object_infos import object_info
from tests.simulator.running import RunningSimulator, running_simulator
from tests.worker_service.deployment import Deployment, RunningWorker, until
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.fleet import Fleet
from worker_service.comfyui.survey import Surveyor, survey

Body = bytes | Callable[[], Iterator[bytes]]


class Saying:
    """A server that says of itself whatever a test wants."""

    def __init__(self) -> None:
        self.url = ""
        self.object_info: Body = b"{}"
        self.devices: Any = [{"name": "gpu"}]
        self.status = 200
        self.asked = 0

    def says(self, value: Any) -> None:
        self.object_info = json.dumps(value).encode()


def handler_of(saying: Saying) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body: Body = json.dumps({"system": {}, "devices": saying.devices}).encode()
            if self.path == "/object_info":
                saying.asked += 1
                body = saying.object_info
            self.send_response(saying.status)
            self.end_headers()
            with suppress(OSError):  # whoever asked has heard enough
                for part in (body,) if isinstance(body, bytes) else body():
                    self.wfile.write(part)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def saying() -> Iterator[Saying]:
    saying = Saying()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(saying))
    server.daemon_threads = True
    saying.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield saying
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def client_of(url: str, engine: Engine) -> Iterator[ComfyUIClient]:
    """A client of a server that was seen to answer."""
    fleet = Fleet(engine, [server_url(url)], slots=2)
    fleet.record_sight(url, "0.8.0")
    (client,) = fleet.clients.values()
    yield client
    fleet.close()


def written(engine: Engine, url: str) -> ServerCapabilities | None:
    with transaction(engine) as session:
        return session.get(ServerCapabilities, url)


def server(deployment: Deployment) -> ComfyUIServer:
    (name,) = deployment.settings.comfyui_urls
    with deployment.outbox.transaction() as session:
        return session.get_one(ComfyUIServer, name)


def known(engine: Engine, url: str) -> ServerCapabilities:
    row = written(engine, url)
    assert row is not None
    return row


def test_a_worker_writes_down_at_once_what_its_server_can_do(deployment: Deployment, worker: RunningWorker) -> None:
    engine, url = deployment.outbox.engine, deployment.comfyui.url
    until(lambda: written(engine, url))
    row = known(engine, url)
    assert row.object_info == deployment.comfyui.http.get("/object_info").json()
    assert row.devices[0]["name"] == "cpu"
    assert (datetime.now(UTC) - row.refreshed_at).total_seconds() < 60
    assert "ckpt_name=random_sd15.safetensors" in row.offers


def test_a_server_that_comes_back_with_other_models_is_read_at_once(deployment: Deployment) -> None:
    engine, url = deployment.outbox.engine, deployment.comfyui.url
    with deployment.worker():
        until(lambda: written(engine, url))
        deployment.comfyui.kill()
        until(lambda: server(deployment).unreachable_since)
        assert "ckpt_name=random_sd15.safetensors" in known(engine, url).offers, "kept while it is away"
        with running_simulator(port=deployment.comfyui.port, checkpoint=["after.safetensors"]):
            until(lambda: "ckpt_name=after.safetensors" in known(engine, url).offers)
    deployment.comfyui.restart()


def test_it_is_news_that_a_server_is_there_again_or_changed(engine: Engine, simulator: RunningSimulator) -> None:
    fleet = Fleet(engine, [server_url(simulator.url)], slots=2)
    (client,) = fleet.clients.values()

    def is_news() -> bool:
        fleet.news[client.name].clear()
        fleet.look(client)
        return fleet.news[client.name].is_set()

    assert is_news()
    assert not is_news()
    fleet.record_loss(client.name, "a job noticed that it is gone")
    assert is_news()
    fleet.record_sight(client.name, "0.7.9")
    assert is_news()
    fleet.close()


def test_what_has_not_changed_is_confirmed_and_not_written_again(engine: Engine, saying: Saying) -> None:
    saying.says(object_info())
    with client_of(saying.url, engine) as client:
        survey(engine, client)
        first = known(engine, saying.url)
        saying.devices = [{"name": "gpu", "vram_free": 5}]
        heard: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *facts: heard.append(facts[2]))
        survey(engine, client)
        assert not [statement for statement in heard if "object_info" in statement or "LOCK" in statement]
        second = known(engine, saying.url)
    assert second.refreshed_at > first.refreshed_at
    assert (second.digest, second.object_info) == (first.digest, first.object_info)
    assert second.devices == saying.devices


def test_what_has_changed_is_written_with_what_it_offers(engine: Engine, saying: Saying) -> None:
    with client_of(saying.url, engine) as client:
        for checkpoints in (["one"], ["one", "two"], ["two"]):
            saying.says(object_info(checkpoints=checkpoints))
            survey(engine, client)
            row = known(engine, saying.url)
            assert row.object_info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] == checkpoints
            assert [name for name in row.offers if name.startswith("ckpt_name=")] == [
                f"ckpt_name={name}" for name in checkpoints
            ]


def test_servers_that_change_at_once_know_what_each_lacks(engine: Engine) -> None:
    urls = [f"http://127.0.0.1:9/{number}" for number in range(6)]
    fleet = Fleet(engine, [server_url(url) for url in urls], slots=2)

    class Told(ComfyUIClient):
        def object_info(self, **_: Any) -> dict[str, Any]:
            return object_info(checkpoints=[self.name[-1]])

        def devices(self) -> list[dict[str, Any]]:
            return []

    for url in urls:
        fleet.record_sight(url, "0.8.0")
    with ThreadPoolExecutor(len(urls)) as threads:
        list(threads.map(lambda url: survey(engine, Told(url)), urls))
    for url in urls:
        others = sorted(f"ckpt_name={other[-1]}" for other in urls if other != url)
        assert known(engine, url).lacks == others
    fleet.close()


def test_what_jsonb_refuses_is_left_out(engine: Engine, saying: Saying) -> None:
    saying.object_info = (
        b'{"A\\u0000B": {"input": {"required": {"x": ["FLOAT", {"max": Infinity, "min": NaN, "default": 1e999}],'
        b' "y": [["\\ud800", "a\\u0000", "\xf0\x9f\x8e\xa8", 123456789012345678901234567890]]}},'
        b' "python_module": "nodes"}}'
    )
    saying.devices = [{"name": "g\0pu", "vram_total": float("nan")}, "odd"]
    with client_of(saying.url, engine) as client:
        survey(engine, client)
        row = known(engine, saying.url)
        assert row.object_info == {
            "AB": {
                "input": {
                    "required": {
                        "x": ["FLOAT", {"max": None, "min": None, "default": None}],
                        "y": [["?", "a", "\U0001f3a8", 123456789012345678901234567890]],
                    }
                },
                "python_module": "nodes",
            }
        }
        assert row.devices == [{"name": "gpu", "vram_total": None}]
        survey(engine, client)
        assert known(engine, saying.url).refreshed_at > row.refreshed_at, "the same digest again"


def trickle() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 200, "JSON object"),
        (b"<html>", 200, "JSON object"),
        (b"[1]", 200, "JSON object"),
        (b'{"a": ' * 100_000, 200, "JSON object"),
        (b'{"a": ' + b"9" * 10_000 + b"}", 200, "JSON object"),
        (b"\xff\xfe{}", 200, "JSON object"),
        (b"{}", 404, "answered 404"),
        (b"{}", 500, "answered 500"),
        (b" " * 1_000_001, 200, "more than 1000000 bytes"),
        (trickle, 200, "longer than 0.3 s"),
    ],
    ids=["empty", "html", "list", "deep", "huge number", "utf-16", "404", "500", "large", "slow"],
)
def test_an_answer_that_is_none_is_refused_in_bounded_time(
    engine: Engine, saying: Saying, body: Body, status: int, reason: str
) -> None:
    saying.object_info, saying.status = body, status
    within_s = 0.3 if body is trickle else 60
    with client_of(saying.url, engine) as client, pytest.raises(ComfyUIUnreachable, match=reason):
        client.object_info(most=1_000_000, within_s=within_s)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"Odd": 5}',
        b'{"Odd": {"input": {"required": {"x": [null]}}}}',
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=["html", "no class", "no input", "deep"],
)
def test_whatever_a_server_says_of_itself_is_survived(engine: Engine, saying: Saying, body: bytes) -> None:
    saying.object_info = body
    with client_of(saying.url, engine) as client:
        surveyor = Surveyor(engine, client, news=threading.Event(), closing=threading.Event())
        surveyor.survey_safely(at_once=True)
        assert saying.asked == 1
        saying.says(object_info())
        surveyor.survey_safely(at_once=True)
        assert "KSampler" in known(engine, saying.url).object_info


def test_what_another_worker_read_lately_is_not_read_again(engine: Engine, saying: Saying) -> None:
    with client_of(saying.url, engine) as client:
        surveyor = Surveyor(engine, client, news=threading.Event(), closing=threading.Event())
        surveyor.survey_safely(at_once=False)
        surveyor.survey_safely(at_once=False)
        assert saying.asked == 1
        surveyor.survey_safely(at_once=True)
        assert saying.asked == 2


def test_a_server_that_does_not_say_what_it_can_do_still_gets_jobs(deployment: Deployment) -> None:
    hanging = deployment.comfyui.fault("hang_http", path="/object_info")
    with deployment.worker():
        hanging.wait_until_struck()
        job_id = deployment.submit()
        deployment.ended(job_id)
        assert written(deployment.outbox.engine, deployment.comfyui.url) is None
        hanging.clear()


def test_an_answer_that_takes_long_does_not_keep_a_server_from_being_seen(deployment: Deployment) -> None:
    hanging = deployment.comfyui.fault("hang_http", path="/object_info")
    with deployment.worker():
        hanging.wait_until_struck()
        seen = server(deployment).last_seen_at
        until(lambda: server(deployment).last_seen_at != seen)
        hanging.clear()
