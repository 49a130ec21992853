"""What a picture is made from: the typed parameters of a job, their ranges and their defaults.

Ranges and defaults are those of the former system where it had any; the others are ComfyUI's own node limits.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field

LARGEST_SEED = 2**64 - 1  # KSampler's


def without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain the character U+0000")
    return value


Prompt = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(without_nul)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(without_nul)]
Strength = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=64, le=2048, multiple_of=8)]


class Parameters(BaseModel, frozen=True, extra="forbid", strict=True):
    pass


class Lora(Parameters):
    """A LoRA and how strongly it is applied to the diffusion model and to the text encoder."""

    name: Name
    strength_model: Strength = 0.8
    strength_clip: Strength = 0.8


class Sampling(Parameters):
    """How the sampler runs; the names are KSampler's. A seed of -1, or none, is drawn when the job is accepted."""

    seed: Annotated[int, Field(ge=-1, le=LARGEST_SEED)] = -1
    steps: Annotated[int, Field(ge=1, le=150)] = 28
    cfg: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 5.5
    sampler_name: Name = "euler"
    scheduler: Name = "normal"
    denoise: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0


class Params(Sampling):
    """Everything beyond prompt, models and size."""

    clip_skip: Annotated[int, Field(ge=1, le=24)] = 1
    vae_name: Name | None = None
    previews: bool = False


class TextToImage(Parameters):
    """A picture from words."""

    prompt: Prompt
    negative_prompt: Annotated[str, Field(max_length=20_000), AfterValidator(without_nul)] | None = None
    checkpoint_model: Name
    lora_models: Annotated[tuple[Lora, ...], Field(max_length=32, strict=False)] = ()
    width: Side = 832
    height: Side = 1216
    batch_size: Annotated[int, Field(ge=1, le=8)] = 1
    params: Params = Params()

    @classmethod
    def from_job(cls, job: object) -> Self:
        """The parameters a job's row holds. Raises pydantic.ValidationError for a row of another making."""
        return cls.model_validate({name: getattr(job, name) for name in cls.model_fields}, strict=False)
