"""Spans reach a receiver with the ids that were chosen; a receiver that is away or hangs harms nobody."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest

from shared.tracing.exporting import AT_ONCE, MOST_WAITING, TracingTo
from shared.tracing.tracing import Kind, Place, Tracing
from tests.otlp_receiver import Receiver, running_receiver

SEEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSEEN = SEEN.removesuffix("01") + "00"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def tracing(receiver: Receiver) -> Iterator[Tracing]:
    with closing(TracingTo(receiver.url, "test")) as tracing:
        yield tracing


def test_a_span_that_another_process_told_of_is_the_same_one(tracing: Tracing, receiver: Receiver) -> None:
    place = Place(trace_key="job 1", span_key="job 1, attempt 1")
    with tracing.beginning("attempt", place, Kind.CONSUMER):
        continued = tracing.traceparent()
    tracing.tell("attempt", place, datetime.now(UTC))
    with tracing.beginning("attempt", Place(continued), Kind.CONSUMER):
        pass
    tracing.close()
    one, told, below = receiver.spans
    assert (one.trace_id, one.span_id, one.parent_id) == (told.trace_id, told.span_id, "")
    assert (below.trace_id, below.parent_id) == (one.trace_id, one.span_id)
    assert below.span_id != one.span_id
    assert (one.has_failed, told.has_failed) == (False, True)


def test_a_trace_that_nobody_looks_at_is_continued_and_not_told(tracing: Tracing, receiver: Receiver) -> None:
    with tracing.beginning("GET", Place(UNSEEN), Kind.SERVER):
        assert (tracing.traceparent() or "").endswith("-00")
        assert tracing.log_fields() == {"trace_id": UNSEEN.split("-")[1]}
        with tracing.span("record jobs"):
            pass
    tracing.close()
    assert receiver.spans == []


def test_work_of_no_trace_has_no_spans(tracing: Tracing, receiver: Receiver) -> None:
    with tracing.span("download"):
        assert tracing.traceparent() is None
    tracing.close()
    assert receiver.spans == []


def test_an_error_is_told_by_its_kind_and_not_by_its_words(tracing: Tracing, receiver: Receiver) -> None:
    with suppress(ValueError), tracing.beginning("attempt", Place(SEEN), Kind.CONSUMER):
        raise ValueError("the token is hunter2")
    with suppress(ValueError), tracing.beginning("attempt", Place(SEEN), Kind.CONSUMER) as span:
        span.failed("prompt_lost")
        raise ValueError("the token is hunter2")
    tracing.close()
    assert [span.attributes["error.type"] for span in receiver.spans] == ["ValueError", "prompt_lost"]
    assert not any(b"hunter2" in body for body in receiver.bodies)


def test_a_receiver_that_is_away_costs_spans_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    tell_one_to(port)


def test_a_receiver_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        tell_one_to(server.getsockname()[1])


def test_spans_that_cannot_be_sent_are_dropped_beyond_a_number(tracing: Tracing, receiver: Receiver) -> None:
    receiver.may_answer.clear()
    for _ in range(MOST_WAITING + 3 * AT_ONCE):
        with tracing.beginning("attempt", Place(SEEN), Kind.CONSUMER):
            pass
    receiver.may_answer.set()
    tracing.close()
    assert MOST_WAITING <= len(receiver.spans) <= MOST_WAITING + 2 * AT_ONCE


def test_each_thread_has_its_own_work_at_hand(tracing: Tracing) -> None:
    found: list[str | None] = []
    with tracing.beginning("attempt", Place(SEEN), Kind.CONSUMER):
        thread = threading.Thread(target=lambda: found.append(tracing.trace_id()))
        thread.start()
        thread.join()
    assert found == [None]


def tell_one_to(port: int) -> None:
    tracing = TracingTo(f"http://127.0.0.1:{port}", "test")
    with closing(tracing), tracing.beginning("attempt", Place(SEEN), Kind.CONSUMER):
        pass
