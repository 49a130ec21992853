"""A queue is found whatever its prompts are like: what is too much of them is passed over as it comes."""

import json
import random
import socket
from typing import Any

import pytest

from tests.worker_service.comfyui.raw_server import raw_server, says
from worker_service.comfyui.answers import Running, Waiting
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import ANSWER
from worker_service.comfyui.texts.queue_text import LONGEST_TEXT, without_graphs

ENTRY = [5, "an id", {"1": {"class_type": 'a "]}" \\', "inputs": {"x": [[], ["2", 0]]}}}, {"client_id": "é"}, ["9"]]
SHALLOW = [5, "an id", [], [], []]


def skimmed(content: bytes, size: int) -> Any:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return json.loads(b"".join(without_graphs(pieces)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_kept_does_not_depend_on_the_pieces(size: int, indent: int | None) -> None:
    queue = {"queue_running": [ENTRY], "queue_pending": [ENTRY, [], ENTRY], "other": {"a": [1, {}], 'b"\\': "[{"}}
    content = json.dumps(queue, indent=indent, ensure_ascii=size > 2).encode()
    assert skimmed(content, size) == {
        "queue_running": [SHALLOW],
        "queue_pending": [SHALLOW, [], SHALLOW],
        "other": {"a": [1, []], 'b"\\': "[{"},
    }


def test_texts_are_kept_as_they_are_unless_they_are_long() -> None:
    texts = ["", "\\", '"', '\\"', "\\\\", "x" * LONGEST_TEXT, "x" * (LONGEST_TEXT + 1), "\u2028\ud800[{"]
    for size in (1, 5, 4096):
        found = skimmed(json.dumps([[texts]]).encode(), size)
        assert found == [[[one if len(one) <= LONGEST_TEXT else "" for one in texts]]]


def test_any_document_keeps_what_is_not_too_deep() -> None:
    chance = random.Random(1)

    def value(depth: int) -> Any:
        match chance.randrange(6 if depth < 6 else 3):
            case 0:
                return chance.choice([1, -2.5, True, None])
            case 1 | 2:
                return "".join(chance.choices('a"\\[]{}é\n', k=chance.randrange(8)))
            case 3 | 4:
                return [value(depth + 1) for _ in range(chance.randrange(4))]
            case _:
                return {f'{chance.choice("a]{")}"{n}': value(depth + 1) for n in range(chance.randrange(4))}

    def shallow(found: Any, depth: int = 1) -> Any:
        if isinstance(found, dict | list) and depth > 3:
            return []
        if isinstance(found, dict):
            return {name: shallow(one, depth + 1) for name, one in found.items()}
        return [shallow(one, depth + 1) for one in found] if isinstance(found, list) else found

    for _ in range(300):
        document = value(0)
        assert skimmed(json.dumps(document).encode(), chance.randrange(1, 9)) == shallow(document)


@pytest.mark.broad
def test_a_prompt_of_ours_is_found_beside_one_that_is_larger_than_any_answer() -> None:
    huge = b'{"1": {"class_type": "X", "inputs": {"text": "' + b"x" * (ANSWER.most_bytes + 1) + b'"}}}'
    content = b'{"queue_running": [[1, "others", %s]], "queue_pending": [[2, "ours", {}], [-1e300, "first", %s]]}'
    queue = says("HTTP/1.1 200 OK\nConnection: close", content % (huge, huge))

    def play(connection: socket.socket, heard: bytes) -> None:
        (queue if b"/queue" in heard else says("HTTP/1.1 200 OK\nConnection: close", b"{}"))(connection, heard)

    with raw_server(play) as url:
        client = ComfyUIClient(url)
        assert client.locate("ours") == Waiting()
        assert client.locate("others") == Running()
        assert client.queue() == (("others",), ("first", "ours"))
        client.close()
