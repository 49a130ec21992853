"""The head of an answer goes with what follows at once, waits for nothing else, and is never lost."""

import asyncio
from typing import Any

import pytest

from api_service.http.server.transport.one_write import OneWrite

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """What a transport was given, write by write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.writes.append(b"closed")

    def is_closing(self) -> bool:
        return b"closed" in self.writes


class HalfWire(Wire):
    """One that may say that nothing more is said, unless it has TLS."""

    def __init__(self, *, has_tls: bool) -> None:
        super().__init__()
        self.has_tls = has_tls
        self.protocol: Any = None

    def can_write_eof(self) -> bool:
        return not self.has_tls

    def write_eof(self) -> None:
        assert not self.has_tls
        self.writes.append(b"eof")

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def resume_reading(self) -> None:
        pass


def written(*steps: Any) -> list[bytes]:
    """What goes out, of these writes; None lets the loop go on, and "close" closes."""

    async def story() -> list[bytes]:
        wire: Any = Wire()
        transport = OneWrite(wire, asyncio.get_running_loop(), lambda: False)
        for step in steps:
            if step is None:
                await asyncio.sleep(0)
            elif step == "close":
                transport.close()
                assert transport.is_closing()
            else:
                transport.write(step)
        await asyncio.sleep(0)
        found: list[bytes] = wire.writes
        return found

    return asyncio.run(story())


def test_a_head_and_the_body_behind_it_are_one_write() -> None:
    assert written(HEAD, b"body", b"more") == [HEAD + b"body", b"more"]


def test_a_head_with_nothing_behind_it_goes_out_with_the_next_turn_of_the_loop() -> None:
    assert written(HEAD, None, b"event") == [HEAD, b"event"]


def test_a_head_goes_out_before_the_connection_closes() -> None:
    assert written(HEAD, "close") == [HEAD, b"closed"]


def test_an_answer_without_a_body_is_complete() -> None:
    assert written(HEAD, b"", None, HEAD, b"body") == [HEAD, HEAD + b"body"]


def test_a_body_that_looks_like_a_head_is_sent_as_it_is() -> None:
    assert b"".join(written(HEAD, b"HTTP/1.1 is a protocol", b"HTTP/1.0 was", b" too")) == (
        HEAD + b"HTTP/1.1 is a protocolHTTP/1.0 was too"
    )


@pytest.mark.parametrize(("has_tls", "ends"), [(False, [b"eof"]), (True, [b"closed"])])
def test_who_sends_on_is_heard_out_where_that_can_be_said(has_tls: bool, ends: list[bytes]) -> None:
    async def story() -> list[bytes]:
        wire: Any = HalfWire(has_tls=has_tls)
        transport = OneWrite(wire, asyncio.get_running_loop(), lambda: True)
        transport.write(HEAD)
        transport.close()
        assert transport.is_closing()
        found: list[bytes] = wire.writes
        return found

    assert asyncio.run(story()) == [HEAD, *ends]
