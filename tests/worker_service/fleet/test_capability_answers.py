"""Whatever a server says of itself is stored as far as it can be, refused in bounded time, and does no harm."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from shared.jobs.errors import ComfyUIUnreachable
from tests.object_infos import object_info
from tests.worker_service.run.saying import Body, Saying, client_of, known, reader_of
from worker_service.fleet.capability_reader import read_capabilities


def test_what_jsonb_refuses_is_replaced(engine: Engine, saying: Saying) -> None:
    saying.object_info = (
        b'{"A\\u0000B": {"input": {"required": {"x": ["FLOAT", {"max": Infinity, "min": NaN, "default": 1e999}],'
        b' "y": [["\\ud800", "a\\u0000", "\xf0\x9f\x8e\xa8", 123456789012345678901234567890]]}},'
        b' "python_module": "nodes"}}'
    )
    saying.devices = [{"name": "g\0pu", "vram_total": float("nan")}, "odd"]
    with client_of(saying.url, engine) as client:
        read_capabilities(engine, client)
        row = known(engine, saying.url)
        assert row.object_info == {
            "A\ufffdB": {
                "input": {
                    "required": {
                        "x": ["FLOAT", {"max": None, "min": None, "default": None}],
                        "y": [["\ufffd", "a\ufffd", "\U0001f3a8", 123456789012345678901234567890]],
                    }
                },
                "python_module": "nodes",
            }
        }
        assert row.devices == [{"name": "g\ufffdpu", "vram_total": None}]
        read_capabilities(engine, client)
        assert known(engine, saying.url).refreshed_at > row.refreshed_at, "the same digest again"


def trickle() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.01)


@pytest.mark.broad
@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 200, "JSON object"),
        (b"<html>", 200, "JSON object"),
        (b"[1]", 200, "JSON object"),
        (b'{"a": ' * 100_000, 200, "JSON object"),
        (b"\xff\xfe{}", 200, "JSON object"),
        (b"{}", 404, "answered 404"),
        (b"{}", 500, "answered 500"),
        (b" " * 1_000_001, 200, "more than 1000000 bytes"),
        (trickle, 200, "longer than 0.3 s"),
    ],
    ids=["empty", "html", "list", "deep", "utf-16", "404", "500", "large", "slow"],
)
def test_an_answer_that_is_none_is_refused_in_bounded_time(
    engine: Engine, saying: Saying, body: Body, status: int, reason: str
) -> None:
    saying.object_info, saying.status = body, status
    within_s = 0.3 if body is trickle else 60
    with client_of(saying.url, engine) as client, pytest.raises(ComfyUIUnreachable, match=reason):
        client.object_info(most=1_000_000, within_s=within_s)


@pytest.mark.broad
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"Odd": 5}',
        b'{"Odd": ' + b"9" * 10_000 + b"}",
        b'{"Odd": {"input": {"required": {"x": [null]}}}}',
        b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
    ids=["html", "no class", "huge number", "no input", "deep"],
)
def test_whatever_a_server_says_of_itself_is_survived(engine: Engine, saying: Saying, body: bytes) -> None:
    saying.object_info = body
    with reader_of(saying.url, engine) as reader:
        reader.read_safely(at_once=True)
        assert saying.asked == 1
        saying.says(object_info())
        reader.read_safely(at_once=True)
        assert "KSampler" in known(engine, saying.url).object_info
