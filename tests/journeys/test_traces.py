"""One trace tells of a job from its request to its stored output, across both services, whoever dies meanwhile."""

from collections.abc import Iterator

import pytest

from tests.journeys.conftest import BODY, Journey, until
from tests.otlp_receiver import Receiver, ToldSpan, running_receiver

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.timeout(300)]

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ACCEPTED = "POST /api/v1/generation-jobs/"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def variables(receiver: Receiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}


def test_a_job_is_one_trace_of_both_services(here: Journey, receiver: Receiver) -> None:
    given = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    job = here.http.post("/api/v1/generation-jobs", json=BODY, headers=given).json()
    assert here.completed(job["id"])["trace_id"] == TRACE
    until(lambda: bool(receiver.of_job("attempt", job["id"])) and len(receiver.of_trace(TRACE)) >= 9)
    (accepted,) = receiver.named(ACCEPTED)
    (attempt,) = receiver.of_job("attempt", job["id"])
    assert (accepted.service, accepted.trace_id, accepted.parent_id) == ("genonaut-api", TRACE, CALLER)
    assert (attempt.service, attempt.trace_id, attempt.parent_id) == ("genonaut-worker", TRACE, accepted.span_id)
    assert accepted.attributes["http.response.status_code"] == 201
    assert attempt.attributes["genonaut.outcome"] == "done"
    below = {span.span_id: span.name for span in (accepted, attempt)}
    tree = {(span.name, below.get(span.parent_id)) for span in receiver.of_trace(TRACE)}
    assert {
        ("record jobs", ACCEPTED),
        ("send wake-ups", ACCEPTED),
        ("prompt", "attempt"),
        ("download", "attempt"),
        ("store", "attempt"),
        ("write done", "attempt"),
    } <= tree
    assert all(below_one_of(receiver.of_trace(TRACE), span) for span in receiver.of_trace(TRACE) if span != accepted)
    assert not any(span.has_failed for span in receiver.of_trace(TRACE))


def test_the_attempt_of_a_killed_worker_is_in_the_trace_too(here: Journey, receiver: Receiver) -> None:
    held = here.held_up()
    trace_id = here.job(held.id)["trace_id"]
    until(lambda: "send prompt" in {span.name for span in receiver.of_trace(trace_id)})
    here.kill("worker")
    held.let_go()
    here.restart("worker")
    here.completed(held.id)
    until(lambda: len(receiver.of_job("attempt", held.id)) == 2)
    killed, adopted = sorted(receiver.of_job("attempt", held.id), key=lambda span: span.attributes["genonaut.attempt"])
    assert {killed.trace_id, adopted.trace_id} == {trace_id}
    assert killed.parent_id == adopted.parent_id != ""
    assert (killed.has_failed, killed.attributes["error.type"]) == (True, "worker_silent")
    assert (adopted.has_failed, adopted.attributes["genonaut.adopted"]) == (False, True)
    assert killed.took_ns > 0
    # What the killed worker told of before stands below the attempt that it could not tell of.
    sent = next(span for span in receiver.of_trace(trace_id) if span.name == "send prompt")
    assert killed.span_id != adopted.span_id
    assert sent.service == killed.service


def test_a_wrong_traceparent_begins_a_trace_of_its_own(here: Journey, receiver: Receiver) -> None:
    wrong = {"traceparent": f"00-{'0' * 32}-{CALLER}-01"}
    job = here.completed(here.http.post("/api/v1/generation-jobs", json=BODY, headers=wrong).json()["id"])
    assert len(job["trace_id"]) == 32
    assert set(job["trace_id"]) != {"0"}
    until(lambda: bool(receiver.of_trace(job["trace_id"])))


def test_what_is_logged_says_the_trace(here: Journey) -> None:
    job = here.completed(here.submit()["id"])
    for service in ("api", "worker"):
        log = here.system.processes[service].command.log.read_text()
        assert f'"trace_id": "{job["trace_id"]}"' in log


def below_one_of(spans: list[ToldSpan], span: ToldSpan) -> bool:
    return span.parent_id in {one.span_id for one in spans}
