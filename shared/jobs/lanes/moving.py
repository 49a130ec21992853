"""A job that moves to the front or the back of its lane exchanges its place with its owner's jobs, nobody else's."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, ColumnElement, Float, Integer, cast, func, tuple_, update
from sqlmodel import Session, col, select

from shared.models import GenerationJob, JobStatus

MOST_PASSED = 10_000  # jobs, each of which is written


class LaneEnd(StrEnum):
    FRONT = "front"
    BACK = "back"


class TooManyBetween(Exception):
    """Between the job and that end of its lane there are more than MOST_PASSED jobs."""


class Place(NamedTuple):
    """What a job of a lane exchanges with another: its turn, and whether it is parked."""

    turn: float
    id: int
    parked: bool


def move(session: Session, job: GenerationJob, to: LaneEnd) -> bool:
    """Move a queued job to an end of its lane. False if it is not queued any more. Raises TooManyBetween."""
    passed = passed_by(session, job, to)
    if len(passed) > MOST_PASSED + 1:
        raise TooManyBetween
    # Locked in one order: two who do this, or cancel, never wait for each other.
    found = session.execute(
        select(col(GenerationJob.turn), col(GenerationJob.id), col(GenerationJob.parked))
        .where(
            col(GenerationJob.id) == func.any(cast(list(passed), ARRAY(Integer))),
            *in_lane_of(job.user_id, job.priority),
            until(job, to),
        )
        .order_by(col(GenerationJob.id))
        .with_for_update()
    )
    places = sorted(Place(*row) for row in found)
    ids = [place.id for place in places if place.id != job.id]
    if len(ids) == len(places):
        return False
    write(session, [job.id, *ids] if to is LaneEnd.FRONT else [*ids, job.id], in_order(places, to))
    return True


def passed_by(session: Session, job: GenerationJob, to: LaneEnd) -> Sequence[int]:
    """The numbers of the jobs between, the job's own with them. Found in the order of their index: by their numbers
    PostgreSQL may look for them among all jobs that there are."""
    found = select(col(GenerationJob.id)).where(*in_lane_of(job.user_id, job.priority), until(job, to))
    in_order = found.order_by(col(GenerationJob.turn), col(GenerationJob.id))
    return session.scalars(in_order.limit(MOST_PASSED + 2)).all()


def in_lane_of(user_id: UUID, priority: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(GenerationJob.status) == JobStatus.QUEUED,
        col(GenerationJob.user_id) == user_id,
        col(GenerationJob.priority) == priority,
    )


def until(job: GenerationJob, to: LaneEnd) -> ColumnElement[bool]:
    """What is between the job and that end, the job itself with it."""
    place, its = tuple_(col(GenerationJob.turn), col(GenerationJob.id)), tuple_(job.turn, job.id)
    return place <= its if to is LaneEnd.FRONT else place >= its


def in_order(places: Sequence[Place], to: LaneEnd) -> Sequence[Place]:
    """The places. Where the two outermost have equal turns, one is a trifle further out, or the older job would go
    first."""
    if len(places) == 1:
        return places
    if to is LaneEnd.FRONT:
        first, second, *rest = places
        turn = math.nextafter(first.turn, -math.inf) if first.turn == second.turn else first.turn
        return [first._replace(turn=turn), second, *rest]
    *rest, second, first = places
    turn = math.nextafter(first.turn, math.inf) if first.turn == second.turn else first.turn
    return [*rest, second, first._replace(turn=turn)]


def write(session: Session, ids: Sequence[int], places: Sequence[Place]) -> None:
    """Give these jobs these places."""
    given = (
        select(
            func.unnest(cast(list(ids), ARRAY(Integer))).label("id"),
            func.unnest(cast([place.turn for place in places], ARRAY(Float))).label("turn"),
            func.unnest(cast([place.parked for place in places], ARRAY(Boolean))).label("parked"),
        )
    ).subquery("given")
    session.execute(
        update(GenerationJob)
        .where(col(GenerationJob.id) == given.c.id)
        .values(turn=given.c.turn, parked=given.c.parked, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
