"""Each point of ComfyUI's protocol that was measured is held by a test, or is said to be no concern of the client."""

import pytest

from tests.worker_service.comfyui.points_of_files import OF_FILES
from tests.worker_service.comfyui.points_of_messages import OF_MESSAGES
from tests.worker_service.comfyui.points_of_prompts import OF_PROMPTS

POINTS = OF_PROMPTS | OF_MESSAGES | OF_FILES


def test_every_point_is_there() -> None:
    assert list(POINTS) == list(range(1, 32))


@pytest.mark.parametrize("number", POINTS)
def test_a_point_is_held_by_tests_or_says_why_not(number: int) -> None:
    point = POINTS[number]
    assert bool(point.tests) != bool(point.why_none)
    for test in point.tests:
        assert test.__name__.startswith("test_"), "pytest would not run it"
