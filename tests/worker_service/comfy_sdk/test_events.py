"""The events of a job by the official Comfy SDK: from the first status to the end, whenever one comes."""

from typing import Any

import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.events import Event, OutputReady, Progress, StatusChange

from tests.simulator.graphs import txt2img

pytestmark = [pytest.mark.system, pytest.mark.landing, pytest.mark.usefixtures("worker")]


def assert_whole(events: list[Event]) -> None:
    """It began with a status, ended with success, and showed the output before that."""
    assert isinstance(events[0], StatusChange | OutputReady)
    assert [type(one) for one in events[-2:]] == [OutputReady, StatusChange]
    last = events[-1]
    assert isinstance(last, StatusChange)
    assert last.status == "succeeded"


def test_events_tell_a_job_from_its_start_to_its_end(comfy: Comfy) -> None:
    job = comfy.submit(comfy.workflows.from_json(txt2img()))
    events = list(job.events())
    assert_whole(events)
    assert all(0 <= one.value <= 1 and one.nodes_total == 7 for one in events if isinstance(one, Progress))
    (ready,) = [one for one in events if isinstance(one, OutputReady)]
    assert isinstance(content := ready.output.to_bytes(), bytes)
    assert content[1:4] == b"PNG"


def test_who_comes_late_gets_the_output_too(comfy: Comfy) -> None:
    job = comfy.run(comfy.workflows.from_json(txt2img()), timeout=60)
    events = list(job.events())
    assert_whole(events)
    assert len(events) == 2


def test_the_asynchronous_client_hears_the_same(told: Any) -> None:
    async def story(comfy: AsyncComfy) -> list[Event]:
        job = await comfy.submit(comfy.workflows.from_json(txt2img()))
        return [event async for event in job.events()]

    assert_whole(told(story))
