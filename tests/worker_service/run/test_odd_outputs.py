"""What odd nodes leave is kept where it can be read, and told of where it cannot; the server bears no blame."""

from typing import Any

import pytest

from shared.models import GenerationJob, Outcome
from tests.simulator.graphs import Graph, node
from tests.simulator.running import BOTH
from tests.worker_service.deployment import Deployment

pytestmark = [BOTH, pytest.mark.usefixtures("worker")]


def showing(*things: str) -> Graph:
    """A graph whose nodes show these things, each under a name of its own."""
    return {
        str(number): node("SimulatedShow", what=what, prefix=f"shown-{number}", megabytes=0)
        for number, what in enumerate(things, start=1)
    }


def run(deployment: Deployment, *things: str) -> GenerationJob:
    return deployment.ended(deployment.submit(workflow=showing(*things)))


def contents(deployment: Deployment, job: GenerationJob) -> list[bytes]:
    return [(deployment.folder / output.path).read_bytes() for output in deployment.outputs(job.id)]


def codes(job: GenerationJob) -> list[Any]:
    return [warning["code"] for warning in job.warnings]


@pytest.mark.parametrize("what", ["no_ui", "empty_ui", "none_value"])
def test_a_run_that_made_nothing_is_completed_and_says_so(deployment: Deployment, what: str) -> None:
    job = run(deployment, what)
    assert (codes(job), deployment.outputs(job.id)) == (["no_outputs"], [])
    assert deployment.outcomes(job.id) == [Outcome.COMPLETED]


def test_texts_and_numbers_under_any_key_complete_a_job(deployment: Deployment) -> None:
    job = run(deployment, "tags", "text_plain", "number", "dict", "nested_files")
    assert contents(deployment, job) == [b"1girl, solo", b"plain", b"3", b"2.5", b'{"cat": 0.9}', b"a", b"b"]
    assert codes(job) == []


def test_texts_that_are_no_utf_8_are_kept_and_claim_no_character_set(deployment: Deployment) -> None:
    job = run(deployment, "cp1252_text", "utf16_text", "text_list")
    media_types = [output.media_type for output in deployment.outputs(job.id)]
    assert media_types == ["text/plain", "text/plain", *["text/plain; charset=utf-8"] * 2]
    assert codes(job) == []
