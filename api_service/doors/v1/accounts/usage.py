"""What was used: GPU seconds, jobs and bytes, as JSON or as lines for a spreadsheet."""

from collections.abc import Iterable
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator
from sqlalchemy import Row
from starlette.responses import Response

from api_service.accounts.usage import LONGEST, MOST_ROWS, AskedUsage, FoundUsage, UsagePart, usage_between
from api_service.doors.binding import ApiRequest
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import invalid_query
from api_service.jobs.whose import owner_asked_for
from api_service.refusals.refusal import FieldError
from shared.jobs.listing.filters import WhoseJobs, Word
from shared.models import Scope
from shared.texts.csv_lines import as_csv


def separated(values: Any) -> Any:
    """Each value on its own, where several come in one: `day,server`."""
    return [part for value in values for part in str(value).split(",")] if isinstance(values, list) else values


PartFilter = Annotated[str, Field(max_length=255), Word] | None


class UsageQuery(BaseModel, frozen=True, extra="forbid"):
    """From `first_day` to `last_day` (UTC), by default of this month so far, at most 366 days. `group_by` is any of
    `day`, `user`, `key`, `checkpoint` and `server`, repeated or with commas: a row for each of their values. Of
    `key_id`, `checkpoint` and `server` an empty one is for what has none. `user_id` is for admins: another user's, or
    `all`."""

    first_day: date | None = None
    last_day: date | None = None
    group_by: Annotated[tuple[UsagePart, ...], Field(max_length=len(UsagePart)), BeforeValidator(separated)] = ()
    user_id: WhoseJobs | None = None
    key_id: PartFilter = None
    checkpoint: PartFilter = None
    server: PartFilter = None
    format: Literal["json", "csv"] = "json"

    @field_validator("last_day")
    @classmethod
    def is_no_endless_range(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        first_day = info.data.get("first_day")
        if first_day and last_day and not 0 <= (last_day - first_day).days < LONGEST.days:
            raise ValueError(f"must be `first_day` or one of the {LONGEST.days - 1} days after it")
        return last_day

    def asked(self, owner: UUID | None) -> AskedUsage:
        given = {UsagePart.KEY: self.key_id, UsagePart.CHECKPOINT: self.checkpoint, UsagePart.SERVER: self.server}
        only = {part: value for part, value in given.items() if value is not None}
        return AskedUsage(self.first_day, self.last_day, owner, only, tuple(dict.fromkeys(self.group_by)))


class UsageRow(BaseModel, frozen=True):
    """What was used, of the parts that were asked for: those not asked for are absent, and null is for what has none.

    `gpu_seconds` is for how long attempts that ended on these days held a server, whatever became of them;
    `lost_gpu_seconds` is the part of it of attempts whose worker was lost, which no budget counts. The numbers of jobs
    are those that ended so. `bytes` is the size of their outputs, also of those that were deleted since.
    """

    day: date | None = None
    user_id: UUID | None = None
    key_id: str | None = None
    checkpoint: str | None = None
    server: str | None = None
    attempts: int
    gpu_seconds: float
    lost_gpu_seconds: float
    completed: int
    failed: int
    cancelled: int
    expired: int
    bytes: int

    @classmethod
    def of(cls, row: Row[Any], by: Iterable[UsagePart]) -> Self:
        parts = {part.column: row._mapping[part.column] or None for part in by}
        seconds = {"gpu_seconds": int(row.gpu_us) / 1_000_000, "lost_gpu_seconds": int(row.lost_us) / 1_000_000}
        counts = {name: int(row._mapping[name]) for name in cls.model_fields if name in row._mapping.keys() - parts}
        return cls(**parts, **seconds, **counts)


class UsageView(BaseModel, frozen=True):
    """What was used from `first_day` to `last_day`, with a row for each of the values of what was asked for."""

    first_day: date
    last_day: date
    items: list[UsageRow]


async def show(request: ApiRequest[Nothing, UsageQuery]) -> Response:
    """Show what was used, by day, user, key, checkpoint and server.

    An attempt counts on the day (UTC) on which it ended, and so does a job. What is deleted stays counted.
    """
    services, query = request.services, request.query
    asked = query.asked(owner_asked_for(request.identity, query.user_id))
    found = await services.read(usage_between, asked)
    if len(found.rows) > MOST_ROWS:
        reason = f"would be more than {MOST_ROWS} rows; ask for fewer days, or group by less"
        raise invalid_query([FieldError(field="group_by", message=reason, code="too_many_rows")])
    rows = [UsageRow.of(row, asked.by) for row in found.rows]
    if query.format == "csv":
        return lines_of(found, rows, asked.by)
    view = UsageView(first_day=found.first_day, last_day=found.last_day, items=rows)
    return Response(view.model_dump_json(exclude_unset=True), media_type="application/json")


def lines_of(found: FoundUsage, rows: Iterable[UsageRow], by: Iterable[UsagePart]) -> Response:
    columns = [*(part.column for part in by), *(n for n, f in UsageRow.model_fields.items() if f.is_required())]
    cells = ([getattr(row, name) for name in columns] for row in rows)
    name = f"usage-{found.first_day}-{found.last_day}.csv"
    return Response(
        as_csv([columns, *cells]),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


OPERATIONS = (
    Operation(
        "showUsage",
        "GET",
        "/api/v1/usage",
        show,
        Scope.READ,
        {
            HTTPStatus.OK: Answer(
                UsageView,
                "what was used; with `format=csv` as lines with a header",
                media_types=("application/json", "text/csv"),
            )
        },
        tag="accounts",
        query=UsageQuery,
    ),
)
