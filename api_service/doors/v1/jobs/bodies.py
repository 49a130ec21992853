"""A job as a client asks for it: a picture from words or a workflow of the client's own, and when it is to run."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
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
from pydantic_core import PydanticCustomError

from api_service.jobs.metadata import Metadata
from api_service.refusals.moments import in_utc
from api_service.refusals.refusal import FORM
from api_service.submit.job_request import JobOptions, JobRequest
from shared.models.generation_job import DEFAULT_PRIORITY
from shared.workflows.parameters import LARGEST_SEED, Sampling, TextToImage

FURTHEST = timedelta(days=30)  # so far ahead a job can be put off
LONGEST_DEADLINE = timedelta(days=60)
TYPED, RAW = f"{FORM}typed", f"{FORM}raw"
MOST_JOBS = 100  # in one batch
LARGEST_BATCH = 8 * 1024 * 1024  # bytes


def not_too_far_ahead(moment: datetime) -> datetime:
    if moment - datetime.now(UTC) > FURTHEST:
        raise PydanticCustomError("too_far_ahead", "must be at most {days} days ahead", {"days": FURTHEST.days})
    return moment


class OptionsBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """When a job is to run, how urgently and how often, and what its owner notes on it.

    `run_at` or `delay_seconds`: not before. `deadline_seconds`, from its acceptance: not started later, but `expired`.
    Of jobs that wait, those with the highest `priority` go first.
    """

    priority: Annotated[int, Field(ge=0, le=9)] = DEFAULT_PRIORITY
    run_at: Annotated[AwareDatetime, AfterValidator(not_too_far_ahead), AfterValidator(in_utc)] | None = None
    delay_seconds: Annotated[float, Field(ge=0, le=FURTHEST.total_seconds(), allow_inf_nan=False)] | None = None
    deadline_seconds: Annotated[float, Field(gt=0, le=LONGEST_DEADLINE.total_seconds(), allow_inf_nan=False)] | None = (
        None
    )
    max_attempts: Annotated[int, Field(ge=1, le=10)] | None = None
    metadata: Metadata = {}

    @field_validator("delay_seconds")
    @classmethod
    def is_the_only_start(cls, delay_seconds: float | None, info: ValidationInfo) -> float | None:
        if delay_seconds is not None and info.data.get("run_at") is not None:
            raise PydanticCustomError("given_twice", "`run_at` says when it is to start already")
        return delay_seconds

    @field_validator("deadline_seconds")
    @classmethod
    def is_after_the_start(cls, deadline_seconds: float | None, info: ValidationInfo) -> float | None:
        start_seconds = info.data.get("delay_seconds") or 0.0
        if run_at := info.data.get("run_at"):
            start_seconds = (run_at - datetime.now(UTC)).total_seconds()
        if deadline_seconds is not None and deadline_seconds <= start_seconds:
            raise PydanticCustomError("before_the_start", "must be later than the job may start")
        return deadline_seconds

    def options(self, accepted_at: datetime, *, previews: bool) -> JobOptions:
        start, deadline = self.run_at, self.deadline_seconds
        if self.delay_seconds:
            start = accepted_at + timedelta(seconds=self.delay_seconds)
        return JobOptions(
            priority=self.priority,
            run_after=start if start and start > accepted_at else None,
            deadline_at=None if deadline is None else accepted_at + timedelta(seconds=deadline),
            max_attempts=self.max_attempts,
            metadata=self.metadata,
            previews=previews,
        )


class TypedJob(OptionsBody, TextToImage):
    """A job to run: a picture from words.

    `sampler_params` and `params` are one thing under two names: the sampler's settings may be in either, the
    others in `params`. The same setting in both must have the same value.
    """

    sampler_params: Sampling = Sampling()

    @model_validator(mode="after")
    def says_each_thing_once(self) -> Self:
        for name in sorted(self.sampler_params.model_fields_set & self.params.model_fields_set):
            if getattr(self.sampler_params, name) != getattr(self.params, name):
                raise PydanticCustomError(
                    "given_twice", "`{name}` is given in sampler_params and in params, differently", {"name": name}
                )
        return self

    def request(self, accepted_at: datetime, place: str = "") -> JobRequest:
        return JobRequest.of(self.parameters(), self.options(accepted_at, previews=self.params.previews), place)

    def parameters(self) -> TextToImage:
        """The parameters meant. A seed that was not given is -1."""
        sampling = self.sampler_params.model_dump(exclude_unset=True)
        values = {name: getattr(self, name) for name in TextToImage.model_fields}
        return TextToImage(**(values | {"params": self.params.model_copy(update=sampling)}))


class WorkflowParams(BaseModel, frozen=True, extra="forbid", strict=True):
    """What can be asked for beside a workflow."""

    previews: bool = False


class WorkflowJob(OptionsBody):
    """A job to run: a workflow in ComfyUI's API format, `{node id: {"class_type": ..., "inputs": {...}}}`.

    Each `seed` or `noise_seed` of -1 in it is drawn. The workflow has everything else that is run, so none of the
    parameters of a picture is taken beside it.
    """

    workflow: dict[str, Any]
    params: WorkflowParams = WorkflowParams()

    def request(self, accepted_at: datetime, place: str = "") -> JobRequest:
        options = self.options(accepted_at, previews=self.params.previews)
        return JobRequest(self.workflow, options=options, place=place)


def form_of(given: Any) -> str:
    raw = isinstance(given, WorkflowJob) or (isinstance(given, dict) and "workflow" in given)
    return RAW if raw else TYPED


AnyJob = TypedJob | WorkflowJob
EitherJob = Annotated[
    Annotated[TypedJob, Tag(TYPED)] | Annotated[WorkflowJob, Tag(RAW)],
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
