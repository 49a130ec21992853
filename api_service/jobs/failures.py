"""Failed jobs in groups that failed in the same way: counted from the rows of the jobs themselves, and muted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, and_, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from api_service.jobs.cursors import Cursors
from api_service.refusals.jobs import failure_not_found
from shared.database.engine import reading, transaction
from shared.jobs.listing.page_range import Position
from shared.models import GenerationJob, MutedFailure
from shared.texts.failure_pattern import node_class_of, pattern_of

FINGERPRINT_CURSORS = Cursors[str]("8s", bytes.fromhex, bytes.hex)


class FailureFilters(NamedTuple):
    """Failures of jobs of that owner (None: everybody's). `reader` is who reads them, and what they have muted is left
    out unless it is `with_muted`. `since` is the first moment that counts."""

    owner: UUID | None
    reader: UUID
    since: datetime | None = None
    server: str | None = None
    code: str | None = None
    with_muted: bool = False


@dataclass(frozen=True)
class FailureGroup:
    """Jobs that failed in the same way. `example` is the newest of them."""

    fingerprint: str
    jobs: int
    users: int
    first_at: datetime
    last_at: datetime
    servers: Sequence[str]
    example: int
    code: str
    node_class: str | None
    pattern: str
    muted_until: datetime | None

    @property
    def position(self) -> Position[str]:
        return Position(self.last_at, self.fingerprint)


def page_of_groups(
    engine: Engine, filters: FailureFilters, after: Position[str] | None, limit: int
) -> Sequence[FailureGroup]:
    """The groups, the one that was seen last first, after a position."""
    with reading(engine) as session:
        return read_groups(session, filters, after=after, limit=limit)


def find_group(engine: Engine, filters: FailureFilters, fingerprint: str) -> FailureGroup:
    """One group, muted or not. Raises Refusal: failure_not_found."""
    with reading(engine) as session:
        return group_with(session, filters, fingerprint)


def mute(engine: Engine, filters: FailureFilters, fingerprint: str, until: datetime | None) -> FailureGroup:
    """Leave a group out of what its reader hears of, until that moment; None ends that. Raises Refusal:
    failure_not_found."""
    mine = col(MutedFailure.user_id) == filters.reader
    with transaction(engine) as session:
        group_with(session, filters, fingerprint)
        is_over = (col(MutedFailure.muted_until) <= func.now()) | (col(MutedFailure.failure) == fingerprint)
        session.execute(delete(MutedFailure).where(mine, is_over))
        if until is not None:
            values = {"user_id": filters.reader, "failure": fingerprint, "muted_until": until}
            muted = insert(MutedFailure).values(**values)
            keys = ["user_id", "failure"]
            session.execute(muted.on_conflict_do_update(index_elements=keys, set_={"muted_until": until}))
        return group_with(session, filters, fingerprint)


def group_with(session: Session, filters: FailureFilters, fingerprint: str) -> FailureGroup:
    found = read_groups(session, filters._replace(with_muted=True), fingerprint=fingerprint)
    if not found:
        raise failure_not_found(fingerprint)
    return found[0]


def read_groups(
    session: Session,
    filters: FailureFilters,
    *,
    fingerprint: str | None = None,
    after: Position[str] | None = None,
    limit: int = 1,
) -> Sequence[FailureGroup]:
    wanted = conditions(filters)
    if fingerprint is not None:
        wanted.append(col(GenerationJob.failure) == fingerprint)
    groups = counted(wanted, after, limit).subquery("groups")
    job = GenerationJob
    columns: list[Any] = [*groups.c, job.error_code, job.error_message, job.error_details, MutedFailure.muted_until]
    found = (
        select(*columns)
        .join(job, col(job.id) == groups.c.example)
        .outerjoin(MutedFailure, and_(col(MutedFailure.failure) == groups.c.failure, is_muted_for(filters.reader)))
        .order_by(groups.c.last_at.desc(), groups.c.failure.desc())
    )
    return [group_of(*row) for row in session.execute(found)]


def counted(wanted: Sequence[ColumnElement[bool]], after: Position[str] | None, limit: int) -> Select[*tuple[Any, ...]]:
    """The groups of these jobs: how many, whose, when, where, and the newest job of each."""
    job = GenerationJob
    failure, last_at = col(job.failure), func.max(job.completed_at)
    columns: list[Any] = [
        failure,
        func.count().label("jobs"),
        func.count(col(job.user_id).distinct()).label("users"),
        func.min(job.completed_at).label("first_at"),
        last_at.label("last_at"),
        func.array_agg(col(job.server).distinct()).filter(col(job.server).is_not(None)).label("servers"),
        func.max(job.id).label("example"),
    ]
    groups = select(*columns).where(failure.is_not(None), *wanted)
    if after is not None:
        groups = groups.having(tuple_(last_at, failure) < tuple_(*after))
    return groups.group_by(failure).order_by(last_at.desc(), failure.desc()).limit(limit)


def conditions(filters: FailureFilters) -> list[ColumnElement[bool]]:
    job = GenerationJob
    given = {job.user_id: filters.owner, job.server: filters.server, job.error_code: filters.code}
    found = [col(column) == value for column, value in given.items() if value is not None]
    if filters.since is not None:
        found.append(col(job.completed_at) >= filters.since)
    if not filters.with_muted:
        muted = select(col(MutedFailure.failure)).where(is_muted_for(filters.reader))
        found.append(col(job.failure).not_in(muted))
    return found


def is_muted_for(reader: UUID) -> ColumnElement[bool]:
    return and_(col(MutedFailure.user_id) == reader, col(MutedFailure.muted_until) > func.now())


def group_of(fingerprint: str, *columns: Any) -> FailureGroup:
    jobs, users, first_at, last_at, servers, example, code, message, details, muted_until = columns
    told = (code, node_class_of(details), pattern_of(message or ""))
    return FailureGroup(fingerprint, jobs, users, first_at, last_at, servers or (), example, *told, muted_until)
