"""Typed parameters keep to their ranges, and a seed is drawn where none is given."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from shared.models import GenerationJob, JobStatus
from shared.workflows.parameters import LARGEST_SEED, Params, TextToImage


def parameters(**values: object) -> TextToImage:
    return TextToImage.model_validate({"prompt": "a cat", "checkpoint_model": "sd15", **values}, strict=False)


def job(**values: Any) -> GenerationJob:
    return GenerationJob(user_id=UUID(int=1), job_type="image", status=JobStatus.QUEUED, **values)


def test_defaults_are_those_of_the_former_system() -> None:
    made = parameters()
    assert (made.width, made.height, made.batch_size) == (832, 1216, 1)
    assert made.params.model_dump(include={"steps", "cfg", "sampler_name", "scheduler", "denoise"}) == {
        "steps": 28,
        "cfg": 5.5,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    assert parameters(lora_models=[{"name": "x"}]).lora_models[0].strength_model == 0.8


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("prompt", ["x", "x" * 20_000, "\n\t", "🎨"], ["", "x" * 20_001, "a\0b"]),
        ("negative_prompt", [None, "", "x" * 20_000], ["x" * 20_001, "\0"]),
        ("checkpoint_model", ["x" * 255], ["", "x" * 256]),
        ("width", [64, 2048, 72], [56, 2056, 65, 0, -64]),
        ("height", [64, 2048], [63, 2049]),
        ("batch_size", [1, 8], [0, 9]),
        ("lora_models", [[], [{"name": "a"}] * 32], [[{"name": "a"}] * 33, [{"name": ""}], [{}]]),
    ],
)
def test_each_field_keeps_to_its_range(field: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        parameters(**{field: value})
    for value in bad:
        with pytest.raises(ValidationError):
            parameters(**{field: value})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("seed", [-1, 0, LARGEST_SEED], [-2, LARGEST_SEED + 1]),
        ("steps", [1, 150], [0, 151]),
        ("cfg", [0, 30.0], [-0.1, 30.1, float("nan"), float("inf")]),
        ("denoise", [0, 1], [-0.1, 1.1]),
        ("clip_skip", [1, 24], [0, 25]),
    ],
)
def test_each_setting_keeps_to_its_range(field: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        Params.model_validate({field: value})
    for value in bad:
        with pytest.raises(ValidationError):
            Params.model_validate({field: value})


def test_an_unknown_setting_is_refused_rather_than_ignored() -> None:
    with pytest.raises(ValidationError):
        Params.model_validate({"stpes": 20})


def test_a_row_gives_back_the_parameters_it_was_made_from() -> None:
    made = parameters(lora_models=[{"name": "a", "strength_clip": -1}], params={"steps": 3, "seed": 7})
    assert TextToImage.from_job(job(**made.model_dump(mode="json"))) == made


def test_a_row_of_another_making_is_refused() -> None:
    with pytest.raises(ValidationError):
        TextToImage.from_job(job(prompt="x", checkpoint_model=None, params={"anything": 1}))
