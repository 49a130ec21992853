"""What clients may ask of tasks: a kind, and what it takes."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from api_service.http.pages import PageQuery
from api_service.http.path_ids import uuid_in
from api_service.refusals.refusal import FORM
from api_service.refusals.tasks import task_not_found
from api_service.schedules.time_zone import Day, ZoneName
from api_service.webhooks.asked import Url
from shared.jobs.listing.filters import ALL, Filters, WhoseJobs
from shared.models import TaskKind, TaskState
from shared.texts.storable import LARGEST_ID
from shared.workflows.metadata import Metadata

MOST_IDS = 10_000
LONGEST_REPORT = timedelta(days=366)
Flag = Annotated[bool, Field(strict=True)]
JobId = Annotated[int, Field(ge=0, le=LARGEST_ID, strict=True)]


def at_least_one(ids: tuple[int, ...]) -> tuple[int, ...]:
    # By itself: beside a wrong id pydantic would call a list too short that is not.
    if not ids:
        raise ValueError("must name at least one job")
    return ids


class AnyTask(BaseModel, frozen=True, extra="forbid"):
    """What all kinds have in common."""

    kind: TaskKind

    @property
    def asked_user(self) -> UUID | str | None:
        """Whose jobs are asked for."""
        return None

    def parameters(self) -> dict[str, Any]:
        """What is kept of it."""
        return self.model_dump(mode="json", exclude={"kind"}, exclude_unset=True)


class OfJobs(AnyTask, frozen=True):
    """Which jobs: those with these `ids`, or those that match the `filter`, whose fields are those of the list; without
    any but `user_id` it must say `all`. Jobs that are submitted after it are left alone."""

    filter: Filters | None = None
    ids: Annotated[tuple[JobId, ...], Field(max_length=MOST_IDS), AfterValidator(at_least_one)] | None = None
    all: Flag = False

    @model_validator(mode="after")
    def says_which(self) -> Self:
        if self.ids is not None and (self.filter is not None or self.all):
            raise ValueError("give `ids`, or a `filter`, or `all`; `ids` go with neither of the others")
        if self.ids is None and not self.all and not (self.filter and self.filter.chooses):
            raise ValueError('give `ids`, at least one field in `filter`, or "all": true')
        return self

    @property
    def asked_user(self) -> UUID | str | None:
        return self.filter.user_id if self.filter else None

    def parameters(self) -> dict[str, Any]:
        ids = {} if self.ids is None else {"ids": sorted(set(self.ids))}
        return {**super().parameters(), **ids}


class BulkTask(OfJobs, frozen=True):
    """Done to many jobs. With `dry_run` it only counts what would be done."""

    dry_run: Flag = False


class DeleteTask(BulkTask, frozen=True):
    """Delete jobs that have ended, with their files."""

    kind: Literal[TaskKind.DELETE_JOBS]


class RetryTask(BulkTask, frozen=True):
    """Submit jobs that have ended again, with the same seeds."""

    kind: Literal[TaskKind.RETRY_JOBS]


class CancelTask(BulkTask, frozen=True):
    """Cancel jobs that have not ended."""

    kind: Literal[TaskKind.CANCEL_JOBS]


class TagTask(BulkTask, frozen=True):
    """Merge `metadata` into those of the jobs, as RFC 7396 has it: null takes a member away."""

    kind: Literal[TaskKind.TAG_JOBS]
    metadata: Annotated[Metadata, Field(min_length=1)]


class PrioritizeTask(BulkTask, frozen=True):
    """Give jobs that wait another priority."""

    kind: Literal[TaskKind.PRIORITIZE_JOBS]
    priority: Annotated[int, Field(ge=0, le=9, strict=True)]


class ReportTask(AnyTask, frozen=True):
    """Count jobs, GPU seconds, bytes and failures of the days from `first_day` to `last_day`, by user, checkpoint and
    server; days are those of `time_zone`, a name of the IANA's list. `format` is a table for programs, or a page to
    print. `user_id` is for admins: another user's jobs, or `all`."""

    kind: Literal[TaskKind.REPORT]
    first_day: Day
    last_day: Day
    time_zone: ZoneName = "UTC"
    format: Literal["csv", "html"] = "csv"
    user_id: WhoseJobs | None = None

    @field_validator("last_day")
    @classmethod
    def is_no_endless_range(cls, last_day: date, info: ValidationInfo) -> date:
        first_day = info.data.get("first_day")
        if first_day and not timedelta(0) <= last_day - first_day < LONGEST_REPORT:
            raise ValueError(f"must be `first_day` or one of the {LONGEST_REPORT.days - 1} days after it")
        return last_day

    @property
    def asked_user(self) -> UUID | str | None:
        return self.user_id


class ExportTask(OfJobs, frozen=True):
    """Make an archive of jobs that have ended, with their files."""

    kind: Literal[TaskKind.EXPORT]


class ImportTask(AnyTask, frozen=True):
    """Make the jobs of an archive, each once: from an asset of the caller's own, or from a URL."""

    kind: Literal[TaskKind.IMPORT]
    asset_id: UUID | None = None
    url: Url | None = None

    @model_validator(mode="after")
    def says_from_where(self) -> Self:
        if (self.asset_id is None) == (self.url is None):
            raise ValueError("give `asset_id` or `url`, and not both")
        return self

    def parameters(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"kind"}, exclude_none=True)


class ThumbnailsTask(OfJobs, frozen=True):
    """Make the thumbnails of jobs again."""

    kind: Literal[TaskKind.THUMBNAILS]


class MoveFilesTask(AnyTask, frozen=True):
    """Move all files from the store of STORAGE_MOVING_FROM to that of STORAGE_URL, while everything runs. Admins only.

    Files stay in the former store too, unless `remove_former`: then they are removed there once all have been moved.
    """

    kind: Literal[TaskKind.MOVE_FILES]
    remove_former: Flag = False

    @property
    def asked_user(self) -> UUID | str | None:
        return ALL


KINDS = frozenset(map(str, TaskKind))


class NoKind(BaseModel, frozen=True):
    """What names none of the kinds: says so of the field."""

    kind: Any

    @field_validator("kind")
    @classmethod
    def refuse(cls, _kind: Any) -> Any:
        raise ValueError(f"must be one of {', '.join(sorted(KINDS))}")


def form_of(body: Any) -> str:
    """The tag of the form that a body has."""
    kind = body.get("kind") if isinstance(body, Mapping) else getattr(body, "kind", None)
    return f"{FORM}{kind}" if isinstance(kind, str) and kind in KINDS else f"{FORM}none"


AnyForm = Annotated[
    Annotated[DeleteTask, Tag(f"{FORM}delete_jobs")]
    | Annotated[RetryTask, Tag(f"{FORM}retry_jobs")]
    | Annotated[CancelTask, Tag(f"{FORM}cancel_jobs")]
    | Annotated[TagTask, Tag(f"{FORM}tag_jobs")]
    | Annotated[PrioritizeTask, Tag(f"{FORM}prioritize_jobs")]
    | Annotated[ReportTask, Tag(f"{FORM}report")]
    | Annotated[ExportTask, Tag(f"{FORM}export")]
    | Annotated[ImportTask, Tag(f"{FORM}import")]
    | Annotated[ThumbnailsTask, Tag(f"{FORM}thumbnails")]
    | Annotated[MoveFilesTask, Tag(f"{FORM}move_files")]
    | Annotated[NoKind, SkipJsonSchema(), Tag(f"{FORM}none")],
    Discriminator(form_of),
]


class TaskBody(RootModel[AnyForm], frozen=True):
    """A task: its `kind`, and what that takes."""

    @property
    def asked(self) -> AnyTask:
        assert isinstance(self.root, AnyTask), "what names no kind does not pass"
        return self.root


class TasksQuery(PageQuery, frozen=True):
    """Which tasks, and which page of them. `cursor` is from the page before, whose filters must be the same. `user_id`
    is for admins: another user's, or `all`."""

    kind: Annotated[tuple[TaskKind, ...], Field(max_length=20)] = ()
    state: Annotated[tuple[TaskState, ...], Field(max_length=20)] = ()
    user_id: WhoseJobs | None = None


def task_id_in(path: Mapping[str, str]) -> UUID:
    """Raises Refusal: task_not_found, also for what is no id."""
    found = uuid_in(path["task_id"])
    if found is None:
        raise task_not_found(path["task_id"])
    return found
