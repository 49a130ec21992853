"""A job as a client asks for it: a picture from words or a workflow of the client's own, and when it is to run."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from api_service.jobs.extra_data import ExtraData
from api_service.refusals.refusal import FORM, FieldError
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.webhooks.asked import OwnWebhookBody
from shared.database.moments import Moment
from shared.models.jobs.generation_job import DEFAULT_PRIORITY
from shared.texts.labels import Labels
from shared.workflows.envelopes import CODES, Found, Kind, find_graph, is_of_editor, is_text_of_graph, where_it_goes
from shared.workflows.metadata import Metadata
from shared.workflows.parameters import LARGEST_SEED, Denoise, Sampling, TextToImage
from shared.workflows.shape import MOST_NODES

FURTHEST = timedelta(days=30)  # so far ahead a job can be put off
LONGEST_DEADLINE = timedelta(days=60)
DENOISE_OF_IMAGE = 0.75
TYPED, RAW, ASTRAY = f"{FORM}typed", f"{FORM}raw", f"{FORM}astray"
MOST_JOBS = 100  # in one batch
LARGEST_BATCH = 8 * 1024 * 1024  # bytes


TOO_FAR_AHEAD = FieldError(field="run_at", message=f"must be at most {FURTHEST.days} days ahead", code="too_far_ahead")
BEFORE_THE_START = FieldError(
    field="deadline_seconds", message="must be later than the job may start", code="before_the_start"
)


class OptionsBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """When a job is to run, how urgently and how often, what its owner notes on it, and what goes into its pictures.

    `run_at` or `delay_seconds`: not before. `deadline_seconds`, from its acceptance: not started later, but `expired`.
    Of jobs that wait, those with the highest `priority` go first. `webhook` is told once it has ended. Of one that is
    `pinned` nothing is cleaned up. Only servers that have all labels of `requires` run it.
    """

    priority: Annotated[int, Field(ge=0, le=9)] = DEFAULT_PRIORITY
    run_at: Moment | None = None
    delay_seconds: Annotated[float, Field(ge=0, le=FURTHEST.total_seconds(), allow_inf_nan=False)] | None = None
    deadline_seconds: Annotated[float, Field(gt=0, le=LONGEST_DEADLINE.total_seconds(), allow_inf_nan=False)] | None = (
        None
    )
    max_attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    metadata: Metadata = {}
    extra_data: ExtraData = ExtraData()
    webhook: OwnWebhookBody | None = None
    pinned: bool = False
    requires: Labels = []

    @field_validator("delay_seconds")
    @classmethod
    def is_the_only_start(cls, delay_seconds: float | None, info: ValidationInfo) -> float | None:
        if delay_seconds is not None and info.data.get("run_at") is not None:
            raise PydanticCustomError("given_twice", "`run_at` says when it is to start already")
        return delay_seconds

    @field_validator("deadline_seconds")
    @classmethod
    def is_after_the_start(cls, deadline_seconds: float | None, info: ValidationInfo) -> float | None:
        if deadline_seconds is not None and deadline_seconds <= (info.data.get("delay_seconds") or 0.0):
            raise PydanticCustomError(BEFORE_THE_START.code, "must be later than the job may start")
        return deadline_seconds

    @property
    def names_a_time(self) -> bool:
        """Whether the time of its acceptance must be known."""
        return any(given is not None for given in (self.run_at, self.delay_seconds, self.deadline_seconds))

    def time_errors(self, accepted_at: datetime) -> Iterator[FieldError]:
        """What is wrong with its times, by the clock that they go by."""
        if self.run_at is None:
            return
        wait = self.run_at - accepted_at
        if wait > FURTHEST:
            yield TOO_FAR_AHEAD
        elif self.deadline_seconds is not None and self.deadline_seconds <= wait.total_seconds():
            yield BEFORE_THE_START

    def options(self, accepted_at: datetime | None, *, previews: bool) -> JobOptions:
        """`accepted_at` is None where no time is named."""
        start = deadline = None
        if accepted_at is not None:
            delay, limit = self.delay_seconds, self.deadline_seconds
            start = accepted_at + timedelta(seconds=delay) if delay else self.run_at
            start = start if start and start > accepted_at else None
            deadline = None if limit is None else accepted_at + timedelta(seconds=limit)
        return JobOptions(
            priority=self.priority,
            run_after=start,
            deadline_at=deadline,
            max_attempts=self.max_attempts,
            metadata=self.metadata,
            previews=previews,
            pinned=self.pinned,
            requires=self.requires,
            webhook=None if self.webhook is None else self.webhook.webhook(),
            extra_pnginfo=self.extra_data.extra_pnginfo,
        )


class TypedJob(OptionsBody, TextToImage):
    """A job to run: a picture from words.

    `sampler_params` and `params` are one thing under two names: the sampler's settings may be in either, the
    others in `params`. The same setting in both must have the same value. `denoise` is one of them, too: so much of an
    `image` is made anew, 0.75 of one without a mask if nothing is said.
    """

    sampler_params: Sampling = Sampling()
    denoise: Denoise | None = None

    @model_validator(mode="after")
    def says_each_thing_once(self) -> Self:
        for given in (self.sampler_params, self.params):
            if self.denoise is not None and "denoise" in given.model_fields_set and given.denoise != self.denoise:
                raise PydanticCustomError("given_twice", "`denoise` is given twice, differently")
        for name in sorted(self.sampler_params.model_fields_set & self.params.model_fields_set):
            if getattr(self.sampler_params, name) != getattr(self.params, name):
                raise PydanticCustomError(
                    "given_twice", "`{name}` is given in sampler_params and in params, differently", {"name": name}
                )
        return self

    def request(self, accepted_at: datetime | None, place: str = "") -> JobRequest:
        return JobRequest.of(self.parameters(), self.options(accepted_at, previews=self.params.previews), place)

    def parameters(self) -> TextToImage:
        """The parameters meant. A seed that was not given is -1."""
        sampling = self.sampler_params.model_dump(exclude_unset=True)
        if self.denoise is not None:
            sampling["denoise"] = self.denoise
        elif self.image is not None and self.mask is None and "denoise" not in self.params.model_fields_set:
            sampling.setdefault("denoise", DENOISE_OF_IMAGE)
        values = {name: getattr(self, name) for name in TextToImage.model_fields}
        return TextToImage(**(values | {"params": self.params.model_copy(update=sampling)}))


class WorkflowParams(BaseModel, frozen=True, extra="forbid", strict=True):
    """What can be asked for beside a workflow."""

    previews: bool = False


class WorkflowJob(OptionsBody):
    """A job to run: a workflow in ComfyUI's API format, `{node id: {"class_type": ..., "inputs": {...}}}`.

    Each seed of -1 in it is drawn, within what its node takes. The workflow has everything else that is run, so none
    of the parameters of a picture is taken beside it. `outputs` are the nodes whose outputs are kept; without it all
    are. `temp_outputs` false leaves out what ComfyUI counts as temporary, such as the pictures of PreviewImage.
    """

    workflow: dict[str, Any]
    outputs: Annotated[list[str], Field(min_length=1, max_length=MOST_NODES)] | None = None
    temp_outputs: bool = True
    params: WorkflowParams = WorkflowParams()

    def request(self, accepted_at: datetime | None, place: str = "") -> JobRequest:
        options = replace(
            self.options(accepted_at, previews=self.params.previews),
            output_nodes=self.outputs,
            temp_outputs=self.temp_outputs,
        )
        return JobRequest(self.workflow, options=options, place=place)


def form_of(given: Any) -> str:
    if misplaced(given):
        return ASTRAY
    raw = isinstance(given, WorkflowJob) or (isinstance(given, dict) and "workflow" in given)
    return RAW if raw else TYPED


def misplaced(given: Any) -> Found | None:
    """A graph that was sent elsewhere than in `workflow`. One that is within `workflow` is looked for there."""
    if not isinstance(given, dict):
        return None
    own, prompt = given.get("workflow"), given.get("prompt")
    if isinstance(prompt, str) and ("checkpoint_model" in given or not is_text_of_graph(prompt)):
        return None
    if own is not None and not is_of_editor(own) and not is_text_of_graph(own):
        return None
    found = find_graph({name: part for name, part in given.items() if name not in {"metadata", "extra_data"}})
    return found if found and (found.kind is not Kind.OF_EDITOR or own is None) else None


def say_where_it_goes(given: Any) -> Any:
    if found := misplaced(given):
        sentence = where_it_goes(found, whole="the body")
        raise PydanticCustomError(CODES[found.kind], "{sentence}", {"sentence": sentence})
    return given


AnyJob = TypedJob | WorkflowJob
EitherJob = Annotated[
    Annotated[TypedJob, Tag(TYPED)]
    | Annotated[WorkflowJob, Tag(RAW)]
    # A form of its own: a validator before all forms would have pydantic read no JSON any more.
    | Annotated[WorkflowJob, BeforeValidator(say_where_it_goes), SkipJsonSchema(), Tag(ASTRAY)],
    Discriminator(form_of),
]


class JobBody(RootModel[EitherJob], frozen=True):
    """A job to run: the parameters of a picture, or a `workflow`."""


class BatchBody(BaseModel, frozen=True, extra="forbid"):
    """Jobs to be accepted together, or not at all."""

    jobs: Annotated[list[EitherJob], Field(min_length=1, max_length=MOST_JOBS)]


def in_one_sentence(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        message = 'must be "same", "new", or a number from 0 to {largest}'
        raise PydanticCustomError("seed", message, {"largest": LARGEST_SEED}) from None


class RetryBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """With which seed: the same, a new one, or this number; in a workflow all of its seeds."""

    seed: Annotated[
        Literal["same", "new"] | Annotated[int, Field(ge=0, le=LARGEST_SEED)], WrapValidator(in_one_sentence)
    ] = "same"
