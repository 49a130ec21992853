"""Any number of jobs are recorded with the first event of each in one statement: one round trip, nothing to flush."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DefaultClause,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    func,
    insert,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session

from shared.models import GenerationJob, JobEvent

# By attribute, what a row may say before it is recorded.
COLUMNS = {name: column for name, column in inspect(GenerationJob).columns.items() if name != "id"}

ADDED = ("id", "run_after", "created_at", "updated_at")


def accept(session: Session, jobs: Sequence[GenerationJob], told: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
    """Record jobs, and what each one's first event tells. Returns what the database added to them, in their order."""
    rows = json.dumps([document_of(job) for job in jobs], default=str)
    return session.execute(STATEMENT, {"jobs": rows, "told": json.dumps(told)}).all()


def document_of(job: GenerationJob) -> dict[str, Any]:
    """What a new row says, by column. NULL is left out: it, or the column's default, is what is recorded then."""
    said = vars(job)
    return {column.name: said[name] for name, column in COLUMNS.items() if said.get(name) is not None}


def statement() -> Select[Any]:
    # Both come as one document each, so the statement is the same for one job and for a hundred.
    rows = func.jsonb_populate_recordset(
        literal_column(f"NULL::{GenerationJob.__tablename__}"), cast(bindparam("jobs", type_=Text), JSONB)
    ).table_valued(*(column.name for column in COLUMNS.values()), with_ordinality="ordinality")
    values = [with_default(rows.c[column.name], column) for column in COLUMNS.values()]
    returned = (*ADDED, "status", "attempt", "events")
    # PostgreSQL draws the ids in the order of the SELECT.
    jobs = (
        insert(GenerationJob)
        .from_select([column.name for column in COLUMNS.values()], select(*values).order_by(rows.c.ordinality))
        .returning(*(inspect(GenerationJob).columns[name] for name in returned))
        .cte("jobs")
    )
    number = cast(func.row_number().over(order_by=jobs.c.id) - 1, Integer)
    data = cast(bindparam("told", type_=Text), JSONB)[number]
    first = select(jobs.c.id, jobs.c.events, jobs.c.status, jobs.c.attempt, data)
    events = insert(JobEvent).from_select(["job_id", "sequence", "type", "attempt", "data"], first).cte("events")
    added = [jobs.c[name] for name in ADDED]
    return select(*added, func.now().label("told_at")).order_by(jobs.c.id).add_cte(events)


def with_default(value: ColumnElement[Any], column: Column[Any]) -> ColumnElement[Any]:
    given = column.server_default
    return func.coalesce(value, given.arg) if isinstance(given, DefaultClause) else value


STATEMENT = statement()
