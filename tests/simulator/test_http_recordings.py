"""Each recorded exchange, repeated with the simulator, is answered as the real server answered."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.simulator.beginnings import bring_to_start
from tests.simulator.comparison import Likeness
from tests.simulator.recordings import exchanges
from tests.simulator.replaying import Replay, compare_body
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.system

COMPARED_HEADERS = ("Content-Type", "Content-Disposition", "Accept-Ranges", "Allow", "Transfer-Encoding", "Connection")
# Recorded, and of no concern to a client that submits jobs.
NOT_SERVED: Mapping[str, str] = {
    "/": "the browser's page; the simulator has one of its own",
    "/extensions": "scripts of the browser's page",
    "/users": "settings of the browser's page",
    "/settings": "settings of the browser's page",
    "/userdata": "settings of the browser's page",
    "/internal/": "not for clients",
    "/view_metadata/": "reads model files, and there are none",
}
# Two accepted prompts have the number of another one, so that their order goes by their ids: here they keep theirs.
TIED = (8, 10)


def replay(simulator: RunningSimulator, likeness: Likeness, exchange: Mapping[str, Any]) -> httpx.Response:
    """Repeat one exchange and compare status, headers and body."""
    request, recorded = likeness.translated(exchange["request"]), exchange["response"]
    content = request.get("raw_body")
    response = simulator.http.request(
        request["method"],
        request["path"],
        headers=request["headers"],
        json=request["json"],
        content=content.encode() if content else None,
    )
    assert response.status_code == recorded["status"], response.text
    for name in COMPARED_HEADERS:
        likeness.check(recorded["headers"].get(name), response.headers.get(name), name)
    assert not any(name.lower().startswith("access-control-") for name in response.headers)
    if "Etag" in recorded["headers"]:
        likeness.check(recorded["headers"]["Etag"], response.headers["Etag"])
    if not recorded["body"].get("trimmed"):
        compare_body(likeness, request["path"], recorded["body"], response)
    return response


@pytest.fixture
def likeness(simulator: RunningSimulator) -> Likeness:
    """After the outputs of ws/30 were made: the recordings look at these."""
    outputs = Replay(simulator, "0.8/ws/30_outputs")
    outputs.run()
    return outputs.likeness


def test_refused_prompts_are_answered_as_recorded(simulator: RunningSimulator) -> None:
    likeness = Likeness()
    for exchange in exchanges("0.8/http/prompt_failures"):
        replay(simulator, likeness, exchange)


def test_accepted_prompts_are_answered_as_recorded(simulator: RunningSimulator) -> None:
    likeness, recorded = Likeness(), exchanges("0.8/http/prompt_success")
    past = recorded[-1]["response"]["body"]["json"]
    for older in list(past)[:3]:  # Run before this recording.
        del past[older]
    for number in TIED:
        answer = recorded[number]["response"]["body"]["json"]
        recorded[number]["request"]["json"]["prompt_id"] = answer["prompt_id"]
    bring_to_start(simulator, recorded)
    held = simulator.fault("stall", at="taken")  # Until all are there: the order of execution is by number.
    submitted = [replay(simulator, likeness, exchange).json()["prompt_id"] for exchange in recorded[:20]]
    held.clear()
    for prompt_id in submitted:
        simulator.wait_finished(prompt_id)

    for exchange in recorded[20:]:
        replay(simulator, likeness, exchange)


def test_files_are_served_as_recorded(simulator: RunningSimulator, likeness: Likeness) -> None:
    (simulator.output_directory / "page.html").write_text("<script>1</script>")

    for exchange in exchanges("0.8/http/view"):
        response = replay(simulator, likeness, exchange)
        if "Content-Range" in exchange["response"]["headers"]:
            recorded_range, _, _ = exchange["response"]["headers"]["Content-Range"].partition("/")
            assert response.headers["Content-Range"].startswith(recorded_range)
            assert str(len(response.content)) == response.headers["Content-Length"]


def test_listings_are_answered_as_recorded(simulator: RunningSimulator, likeness: Likeness) -> None:
    for exchange in exchanges("0.8/http/misc"):
        path = exchange["request"]["path"].partition("?")[0]
        if any(
            path == known or (known.endswith("/") and known != "/" and path.startswith(known)) for known in NOT_SERVED
        ):
            continue
        if path == "/object_info":
            check_all_nodes(simulator, likeness, exchange)
        elif "sort_by=execution_duration" in exchange["request"]["path"]:
            check_shortest_job(simulator, likeness, exchange)
        else:
            response = replay(simulator, likeness, exchange)
            if exchange["response"]["body"].get("trimmed"):
                check_trimmed(likeness, exchange["response"]["body"]["json"], response.json())


def check_trimmed(likeness: Likeness, recorded: Any, answered: Any) -> None:
    """Long answers were recorded as their keys, or as their number."""
    if isinstance(recorded, list):
        assert list(answered) == likeness.translated(recorded)
    else:
        assert len(answered) == recorded["n"]


def check_all_nodes(simulator: RunningSimulator, likeness: Likeness, exchange: Mapping[str, Any]) -> None:
    """The real server has many more."""
    answered = simulator.http.get("/object_info").json()
    likeness.check(exchange["response"]["body"]["json"]["SaveImage"], answered["SaveImage"])


def check_shortest_job(simulator: RunningSimulator, likeness: Likeness, exchange: Mapping[str, Any]) -> None:
    """Which one that is, is chance."""
    answered = simulator.http.get(exchange["request"]["path"]).json()
    recorded = exchange["response"]["body"]["json"]
    likeness.check(recorded["pagination"], answered["pagination"])
    everything = simulator.http.get("/api/jobs").json()["jobs"]
    assert duration(answered["jobs"][0]) == min(duration(job) for job in everything)


def duration(job: Mapping[str, Any]) -> int:
    return int(job["execution_end_time"] - job["execution_start_time"])


def test_a_cleared_history_is_empty_as_recorded(simulator: RunningSimulator, likeness: Likeness) -> None:
    for exchange in exchanges("0.8/http/history_clear"):
        replay(simulator, likeness, exchange)
