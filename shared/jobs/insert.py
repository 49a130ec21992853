"""Any number of jobs are recorded in one statement, with the first event and the turn of each: one round trip, nothing
to flush."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    DefaultClause,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    func,
    insert,
    inspect,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from shared.configuration.choices import Sharing
from shared.database.prepared_statement import Prepared
from shared.jobs.durations.learning import LEARNED_BY
from shared.jobs.turns import TURN, sharing_values, turns_of
from shared.models import GenerationJob, JobEvent, JobStatus

# The columns of a row that is not recorded yet, by attribute.
COLUMNS = {name: column for name, column in inspect(GenerationJob).columns.items() if name != "id"}

KEYS = "ix_generation_jobs_idempotency"
ADDED = ("id", "run_after", *TURN, "created_at", "updated_at")


class Added(NamedTuple):
    """What the database added to a new job, by column, and its time."""

    columns: Mapping[str, Any]
    now: datetime

    @classmethod
    def of(cls, *values: Any) -> Self:
        return cls(dict(zip(ADDED, values[:-1], strict=True)), values[-1])


def insert_jobs(
    session: Session, jobs: Sequence[GenerationJob], first: Sequence[Mapping[str, Any]], *, sharing: Sharing
) -> Sequence[Added]:
    """Record jobs, each with the data of its first event. Those that are queued get their turns. Returns what the
    database added to them, in their order."""
    rows = json.dumps([document_of(job) for job in jobs], default=str)
    values = {"new_jobs": rows, "event_data": json.dumps(first), **sharing_values(sharing)}
    return INSERT_JOBS.all(session, values)


def was_made_meanwhile(error: IntegrityError) -> bool:
    """Whether jobs were not recorded because another one was, under the idempotency key of theirs."""
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == KEYS


def document_of(job: GenerationJob) -> dict[str, Any]:
    """The values of a new row, by column. None is left out: the column's default, or else NULL, is recorded then."""
    values = vars(job)
    return {column.name: values[name] for name, column in COLUMNS.items() if values.get(name) is not None}


def insert_statement() -> Select[*tuple[Any, ...]]:
    # Both come as one document each, so the statement is the same for one job and for a hundred.
    given = func.jsonb_populate_recordset(
        literal_column(f"NULL::{GenerationJob.__tablename__}"), cast(bindparam("new_jobs", type_=Text), JSONB)
    ).table_valued(*(column.name for column in COLUMNS.values()), with_ordinality="ordinality", name="given")
    rows = select(*given.c).cte("new_jobs")
    turns, advanced = turns_of(queued_ones(rows), accepted_ones(rows))
    values = {name: with_default(rows.c[column.name], column) for name, column in COLUMNS.items()}
    values |= {name: func.coalesce(turns.c[name], with_default(null(), COLUMNS[name])) for name in TURN}
    returned = (*ADDED, "status", "attempt", "events")
    # PostgreSQL draws the ids in the order of the SELECT.
    jobs = (
        insert(GenerationJob)
        .from_select(
            [column.name for column in COLUMNS.values()],
            select(*values.values())
            .select_from(rows.outerjoin(turns, turns.c.number == rows.c.ordinality))
            .order_by(rows.c.ordinality),
        )
        .returning(*(inspect(GenerationJob).columns[name] for name in returned))
        .cte("jobs")
    )
    number = cast(func.row_number().over(order_by=jobs.c.id) - 1, Integer)
    data = cast(bindparam("event_data", type_=Text), JSONB)[number]
    first = select(jobs.c.id, jobs.c.events, jobs.c.status, jobs.c.attempt, data)
    events = insert(JobEvent).from_select(["job_id", "sequence", "type", "attempt", "data"], first).cte("events")
    added = [jobs.c[name] for name in ADDED]
    return select(*added, func.now().label("now")).order_by(jobs.c.id).add_cte(advanced, events)


def queued_ones(rows: CTE) -> CTE:
    """What gives a new job its turn. A pending one gets it once it is queued."""
    kind = (rows.c[name] for name in LEARNED_BY)
    columns = (rows.c.ordinality.label("number"), rows.c.user_id, priority_of(rows), *kind)
    return select(*columns).where(rows.c.status == JobStatus.QUEUED).cte("queued_jobs")


def accepted_ones(rows: CTE) -> CTE:
    """How many there are of each user and priority."""
    lane = (rows.c.user_id, priority_of(rows))
    return select(*lane, func.count().label("jobs")).group_by(*lane).cte("accepted_jobs")


def priority_of(rows: CTE) -> ColumnElement[int]:
    return with_default(rows.c.priority, COLUMNS["priority"]).label("priority")


def with_default(value: ColumnElement[Any], column: Column[Any]) -> ColumnElement[Any]:
    given = column.server_default
    return func.coalesce(value, given.arg) if isinstance(given, DefaultClause) else value


INSERT_JOBS = Prepared("insert_jobs", insert_statement(), row=Added.of)
