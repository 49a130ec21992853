"""What a picture is made from: the typed parameters of a job, their ranges and their defaults.

Ranges and defaults are those of the former system where it had any; the others are ComfyUI's own node limits.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, WithJsonSchema, field_validator

from shared.workflows.references import is_reference, reference_to, target_of

LARGEST_SEED = 2**64 - 1  # KSampler's
LONGEST_FILE = 300  # characters
SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 64, 2048, 8  # pixels
IN_PARAMS = ("image", "mask", "mask_areas")  # of the parameters of a picture: they have no columns of their own
FILE_SCHEMA = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": LONGEST_FILE}, {"type": "object"}]}


def without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain the character U+0000")
    return value


Prompt = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(without_nul)]
NegativePrompt = Annotated[str, Field(max_length=20_000), AfterValidator(without_nul)]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(without_nul)]
Strength = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Denoise = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Side = Annotated[int, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE, multiple_of=SIDE_STEP)]
BatchSize = Annotated[int, Field(ge=1, le=8)]
Seed = Annotated[int, Field(ge=-1, le=LARGEST_SEED)]
Steps = Annotated[int, Field(ge=1, le=150)]
Cfg = Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]


class Parameters(BaseModel, frozen=True, extra="forbid", strict=True):
    pass


class Lora(Parameters):
    """A LoRA and how strongly it is applied to the diffusion model and to the text encoder."""

    name: Name
    strength_model: Strength = 0.8
    strength_clip: Strength = 0.8


class Sampling(Parameters):
    """How the sampler runs; the names are KSampler's. A seed of -1, or none, is drawn when the job is accepted."""

    seed: Seed = -1
    steps: Steps = 28
    cfg: Cfg = 5.5
    sampler_name: Name = "euler"
    scheduler: Name = "normal"
    denoise: Denoise = 1.0


class Params(Sampling):
    """Everything beyond prompt, models and size."""

    clip_skip: Annotated[int, Field(ge=1, le=24)] = 1
    vae_name: Name | None = None
    previews: bool = False


def names_a_file(value: Any) -> Any:
    if isinstance(value, str) and 0 < len(value) <= LONGEST_FILE and "\0" not in value:
        return value
    if is_reference(value) and (target := target_of(value)):
        return reference_to(target)
    raise ValueError('must be the name of an asset, or {"__type": "core/ASSET", "info": {"id": "<its id>"}}')


FileGiven = Annotated[Any, AfterValidator(names_a_file), WithJsonSchema(FILE_SCHEMA)]


class TextToImage(Parameters):
    """A picture from words, and from another picture if there is an `image`: scaled to `width` and `height`, and cut in
    its middle where it has other proportions. Of a `mask` that is treated alike, the white parts are made anew, or with
    `mask_areas` its transparent ones."""

    prompt: Prompt
    negative_prompt: NegativePrompt | None = None
    checkpoint_model: Name
    lora_models: Annotated[tuple[Lora, ...], Field(max_length=32, strict=False)] = ()
    width: Side = 832
    height: Side = 1216
    batch_size: BatchSize = 1
    image: FileGiven | None = None
    mask: FileGiven | None = None
    mask_areas: Literal["white", "transparent"] | None = None
    params: Params = Params()

    @field_validator("mask")
    @classmethod
    def is_of_an_image(cls, mask: Any, info: ValidationInfo) -> Any:
        if mask is not None and info.data.get("image") is None:
            raise ValueError("`image` is missing, of which the mask is to say what is made anew")
        return mask

    @field_validator("mask_areas")
    @classmethod
    def is_of_a_mask(cls, areas: str | None, info: ValidationInfo) -> str | None:
        if areas is not None and info.data.get("mask") is None:
            raise ValueError("`mask` is missing, of which these parts are to be made anew")
        return areas

    @classmethod
    def from_job(cls, job: Any) -> Self:
        """The parameters a job's row holds. Raises pydantic.ValidationError for a row of another making."""
        columns = {name: getattr(job, name) for name in cls.model_fields.keys() - IN_PARAMS}
        params = dict(columns["params"])
        files = {name: params.pop(name) for name in IN_PARAMS if name in params}
        return cls.model_validate({**columns, **files, "params": params}, strict=False)

    def columns(self) -> dict[str, Any]:
        """The values of a job's row. What has no column is in `params`."""
        values = self.model_dump(mode="json")
        files = {name: given for name in IN_PARAMS if (given := values.pop(name)) is not None}
        return {**values, "params": {**values["params"], **files}}
