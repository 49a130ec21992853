"""What OpenAI's clients ask for, and what this service adds; null is as good as nothing, as it is there."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from api_service.doors.openai.asking.sizes import Size, plain_size
from shared.workflows.parameters import (
    BatchSize,
    Cfg,
    Denoise,
    Name,
    NegativePrompt,
    Params,
    Prompt,
    Seed,
    Steps,
    TextToImage,
    without_nul,
)

Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
USUAL_STEPS = Params.model_fields["steps"].default
# What each quality is here: how many steps, of which others are as many as usual.
STEPS: Mapping[str | None, int] = {
    "low": USUAL_STEPS // 2,
    "high": USUAL_STEPS * 3 // 2,
    "hd": USUAL_STEPS * 3 // 2,
    "xhigh": USUAL_STEPS * 2,
    "max": USUAL_STEPS * 3,
}
# How far the result may be from the picture that is edited, by how true to it it is to be.
DENOISE: Mapping[str | None, float] = {None: 0.75, "low": 0.75, "high": 0.5}
Note = Annotated[str, Field(max_length=512), AfterValidator(without_nul)]
Picture = Annotated[Any, WithJsonSchema({"type": "string", "format": "binary"})]


def only(*taken: Any, why: str) -> BeforeValidator:
    """A field of OpenAI's that can have these values alone here."""

    def check(value: Any) -> Any:
        if value is not None and value not in taken:
            raise PydanticCustomError("not_supported", "{why}", {"why": why})
        return value

    return BeforeValidator(check)


Unsupported = Annotated[None, only(why="is not supported here")]


class PictureFields(BaseModel, frozen=True, extra="forbid"):
    """What is asked for beside files. The fields from `negative_prompt` on are this service's own.

    `model` is a checkpoint, and may be left out where there is one alone. `n` pictures are made in one job. `quality`
    says how many steps are made, unless `steps` does. `moderation` and `style` are let pass; `user` and
    `safety_identifier` are noted on the job.
    """

    prompt: Prompt
    model: Name | None = None
    n: BatchSize | None = None
    size: Annotated[str, AfterValidator(plain_size)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    output_format: Annotated[Literal["png"] | None, only("png", why="only png is made here")] = None
    output_compression: Annotated[int | None, only(100, "100", why="png is never compressed with a loss")] = None
    background: Annotated[
        Literal["auto", "opaque"] | None, only("auto", "opaque", why="must be auto or opaque: no model here has alpha")
    ] = None
    quality: Quality | None = None
    moderation: Literal["low", "auto"] | None = None
    style: Literal["vivid", "natural"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None
    user: Note | None = None
    safety_identifier: Note | None = None
    complexity: Unsupported = None
    frame_count: Unsupported = None
    frame_duration_ms: Unsupported = None
    svg: Unsupported = None

    negative_prompt: NegativePrompt | None = None
    seed: Seed | None = None
    steps: Steps | None = None
    cfg: Cfg | None = None
    sampler: Name | None = None
    scheduler: Name | None = None

    def parameters(self, model: str, size: Size, **files: Any) -> TextToImage:
        """The picture that is meant. What is not said is as everywhere."""
        said = {
            "seed": self.seed,
            "steps": self.steps or STEPS.get(self.quality),
            "cfg": self.cfg,
            "sampler_name": self.sampler,
            "scheduler": self.scheduler,
            "denoise": files.pop("denoise", None),
        }
        return TextToImage(
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            checkpoint_model=model,
            width=size.width,
            height=size.height,
            batch_size=self.n or 1,
            params=Params(**{name: value for name, value in said.items() if value is not None}),
            **files,
        )

    def without_form(self) -> Self:
        """What is to be made, however it is answered."""
        return self.model_copy(update=dict.fromkeys(("response_format", "stream", "partial_images")))

    def notes(self) -> dict[str, str]:
        """What is noted on the job."""
        noted = {"user": self.user, "safety_identifier": self.safety_identifier}
        return {name: value for name, value in noted.items() if value}


class GenerationBody(PictureFields, frozen=True):
    """A picture from words."""


class EditFields(PictureFields, frozen=True):
    """What is said beside the picture that is edited. `denoise` says how far the result may be from it; without it
    `input_fidelity` does."""

    input_fidelity: Literal["low", "high"] | None = None
    markup: Unsupported = None
    denoise: Denoise | None = None

    def of_files(self, hashes: list[str]) -> BaseModel:
        """What is to be made of these files, however it is answered."""
        return Edited(**self.without_form().model_dump(exclude_defaults=True), hashes=hashes)


class EditForm(EditFields, frozen=True):
    """A picture and how it is to be changed: all of it, or the parts of it where the mask is transparent."""

    image: Picture
    mask: Picture | None = None


class Edited(EditFields, frozen=True):
    """An edit as it is known from others: its files by their contents."""

    hashes: list[str]
