"""The node pack for ComfyUI tells of each prompt that a queue is done with, signed, and never gets in its way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from deploy import comfyui_node
from deploy.comfyui_node import SECRET, URL, Teller, start, watch
from shared.webhooks.signing import as_shown, drawn_secret

KEY = drawn_secret()


class PromptQueue:
    """As ComfyUI's: what runs, and what has ended."""

    def __init__(self) -> None:
        self.currently_running: dict[int, tuple[int, str]] = {}
        self.history: list[str] = []

    def task_done(self, item_id: int, result: object, status: object = None, process_item: object = None) -> None:
        self.history.append(self.currently_running.pop(item_id)[1])


class Receiver:
    """Verifies what comes with the reference library, and answers with these statuses, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heard: list[tuple[str, Any]] = []
        self.came = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found: Any = Webhook(as_shown(KEY)).verify(body, {k.lower(): v for k, v in self.headers.items()})
                receiver.heard.append((str(self.headers["webhook-id"]), found))
                status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.came.set()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/comfyui"


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    receiver = Receiver(*statuses)
    thread = threading.Thread(target=receiver.server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join(10)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_node, "PAUSES_S", (0.01, 0.02))


def test_a_prompt_that_has_ended_is_told_of_after_the_history_has_it() -> None:
    class Queue(PromptQueue):
        pass

    with receiving(204) as receiver:
        teller = Teller(receiver.url, KEY)
        teller.start()
        watch(Queue, teller)
        queue = Queue()
        queue.currently_running[7] = (0, "the prompt")
        queue.task_done(7, {}, status=None, process_item=None)
        assert queue.history == ["the prompt"]
        assert receiver.came.wait(20)
    ((_, told),) = receiver.heard
    assert (told["type"], told["data"]) == ("prompt.ended", {"prompt_id": "the prompt"})


@pytest.mark.parametrize(
    ("statuses", "tries"), [((503, 204), 2), ((503,), 3), ((429, 204), 2), ((403,), 1), ((404,), 1), ((302,), 1)]
)
def test_only_what_may_be_taken_later_is_tried_again_and_under_one_id(statuses: tuple[int, ...], tries: int) -> None:
    with receiving(*statuses) as receiver:
        Teller(receiver.url, KEY).tell_now("a prompt")
    assert len(receiver.heard) == tries
    assert len({message_id for message_id, _ in receiver.heard}) == 1


def test_one_that_is_away_costs_nothing_but_the_telling() -> None:
    Teller("http://127.0.0.1:9/", KEY).tell_now("a prompt")
    Teller("no url at all", KEY).tell_now("a prompt")


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comfyui_node, "MOST_WAITING", 2)
    teller = Teller("http://127.0.0.1:9/", KEY)
    for number in range(5):
        teller.tell(str(number))
    assert teller.waiting.qsize() == 2


@pytest.mark.parametrize(
    "environ",
    [{}, {URL: "https://x.example/"}, {URL: "https://x.example/", SECRET: "hunter22"}, {SECRET: "whsec_AA=="}],
)
def test_without_an_address_and_a_secret_it_does_nothing(environ: dict[str, str]) -> None:
    assert start(environ) is None
