"""Which jobs are meant: the filters of a list, which hold one and all, and what they say to the database."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError
from sqlalchemy import ARRAY, ColumnElement, Text, cast, func, literal, literal_column, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from shared.database.moments import Moment
from shared.models import JobStatus
from shared.texts.labels import MOST_LABELS, Label
from shared.workflows.parameters import without_nul

ALL = "all"
# `key`, or `key:value`; a colon or backslash in the key is escaped by a backslash.
METADATA = re.compile(r"((?:[^:\\]|\\.)+)(?::(.*))?", re.DOTALL)
# What is the same text in JSON without quotes. Of numbers, those that PostgreSQL holds exactly.
BARE = re.compile(r"true|false|null|-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,29})?")

Word = AfterValidator(without_nul)


def known_form(value: str) -> str:
    if not METADATA.fullmatch(value):
        raise ValueError("must be `key` or `key:value`")
    return value


MetadataFilter = Annotated[str, Field(max_length=500), Word, AfterValidator(known_form)]


def a_user_or_all(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """One sentence about the field, where pydantic has an error for each part of the union."""
    try:
        return validate(value)
    except ValidationError:
        raise PydanticCustomError("user", 'must be the id of a user, or "all"') from None


FailureId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
WhoseJobs = Annotated[UUID | Literal["all"], WrapValidator(a_user_or_all)]


class Filters(BaseModel, frozen=True, extra="forbid"):
    """Jobs for which all of these hold.

    Several statuses: any of them. `created_after` is the first moment that counts, `created_before` the first that no
    longer does. `metadata` is `key`, for jobs that have it, or `key:value`; a number, true, false or null is found by
    its text as a string is. `requires` is labels that a job asks for: all of them. `text` is words of the prompt as one
    types them into a search engine: all of them, "in this order", this or that, -not. `pinned` is for jobs of which
    nothing is cleaned up, or the others. `failure` is the fingerprint of a group of failures: its jobs. `user_id` is
    for admins: another user's jobs, or `all`.
    """

    status: Annotated[tuple[JobStatus, ...], Field(max_length=50)] = ()
    type: Annotated[str, Field(min_length=1, max_length=50), Word] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    checkpoint: Annotated[str, Field(min_length=1, max_length=255), Word] | None = None
    batch: UUID | None = None
    schedule: UUID | None = None
    metadata: Annotated[tuple[MetadataFilter, ...], Field(max_length=10)] = ()
    requires: Annotated[tuple[Label, ...], Field(max_length=MOST_LABELS)] = ()
    text: Annotated[str, Field(min_length=1, max_length=1000), Word] | None = None
    pinned: bool | None = None
    failure: FailureId | None = None
    user_id: WhoseJobs | None = None

    @property
    def statuses(self) -> Sequence[JobStatus]:
        return list(dict.fromkeys(self.status))

    @property
    def has_index_of_its_own(self) -> bool:
        """Whether a filter finds its jobs without knowing whose they are."""
        return self.batch is not None or self.schedule is not None or self.says_something_of_contents

    @property
    def says_something_of_contents(self) -> bool:
        return bool(self.metadata or self.requires) or self.text is not None

    @property
    def chooses(self) -> bool:
        """Whether they say anything but whose jobs are meant."""
        given = self.model_fields_set & Filters.model_fields.keys() - {"user_id"}
        return any(getattr(self, name) not in {None, ()} for name in given)

    def up_to(self, moment: datetime) -> Self:
        """The same filters for jobs accepted before this moment."""
        before = self.created_before
        return self.model_copy(update={"created_before": moment if before is None else min(before, moment)})

    def conditions(self, of: Any) -> list[ColumnElement[bool]]:
        """All filters but status and owner, which choose the index; of the table of jobs, or of a part of it."""
        given: dict[Any, Any] = {
            of.job_type: self.type,
            of.checkpoint_model: self.checkpoint,
            of.batch_id: self.batch,
            of.schedule_id: self.schedule,
            of.failure: self.failure,
        }
        found = [col(column) == value for column, value in given.items() if value is not None]
        found += self.times(of)
        if self.pinned is not None:
            is_pinned: Any = of.pinned
            found.append(is_pinned if self.pinned else ~is_pinned)
        if self.metadata:
            # What the partial index says of its rows, in its words.
            found.append(col(of.caller_metadata) != literal_column("'{}'::jsonb"))
            found.extend(metadata_condition(of.caller_metadata, one) for one in self.metadata)
        if self.requires:
            found.append(col(of.requires).op("@>", is_comparison=True)(cast(list(self.requires), ARRAY(Text))))
        if self.text is not None:
            simple: ColumnElement[str] = literal_column("'simple'")
            words: ColumnElement[Any] = func.to_tsvector(simple, of.prompt)
            found.append(words.op("@@")(func.websearch_to_tsquery(simple, self.text)))
        return found

    def times(self, of: Any) -> list[ColumnElement[bool]]:
        """When they were accepted."""
        found: list[ColumnElement[bool]] = []
        if self.created_after is not None:
            found.append(col(of.created_at) >= self.created_after)
        if self.created_before is not None:
            found.append(col(of.created_at) < self.created_before)
        return found


def metadata_condition(metadata: Any, given: str) -> ColumnElement[bool]:
    found = METADATA.fullmatch(given)
    assert found, "the model has checked it"
    key, value = re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), found[2]
    has: ColumnElement[bool] = metadata.op("?")(key)
    if value is None:
        return has
    as_text: ColumnElement[bool] = metadata.op("@>")(func.jsonb_build_object(cast(key, Text), cast(value, Text)))
    if not BARE.fullmatch(value):
        return as_text
    bare = cast(literal(value, Text()), JSONB)
    return or_(as_text, metadata.op("@>")(func.jsonb_build_object(cast(key, Text), bare)))
