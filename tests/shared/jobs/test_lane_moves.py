"""A job that moves to the front or the back exchanges its place with its owner's jobs, and with nobody else's."""

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from shared.configuration.choices import Sharing
from shared.jobs import before_start
from shared.jobs.lanes import moving
from shared.jobs.lanes.moving import MOST_PASSED, LaneEnd, TooManyBetween
from shared.jobs.lanes.parking import LANE
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from tests.jobs import ANOTHER_USER, USER, answering, claimed, job, new_job
from tests.plans import plans_of

MANY = text("""
INSERT INTO generation_jobs (user_id, job_type, status, prompt, turn)
SELECT :user, 'image', 'queued', 'a cat', number FROM generate_series(1, :jobs) AS number
""")


@pytest.fixture
def jobs(messenger: Messenger) -> list[int]:
    """Jobs of two users that take turns."""
    answering(messenger, slots=100)
    mine = [new_job(user_id=USER) for _ in range(4)]
    others = [new_job(user_id=ANOTHER_USER) for _ in range(4)]
    with messenger.transaction() as session:
        before_start.submit_all(session, [*mine, *others])
    return [one.id for one in mine]


def move(messenger: Messenger, job_id: int, to: LaneEnd) -> bool:
    with messenger.transaction() as session:
        return moving.move(session, session.get_one(GenerationJob, job_id), to)


def order(messenger: Messenger) -> list[GenerationJob]:
    found = []
    while claim := claimed(messenger):
        found.append(claim.job)
    return found


@pytest.mark.parametrize(("to", "expected"), [(LaneEnd.FRONT, [2, 0, 1, 3]), (LaneEnd.BACK, [0, 1, 3, 2])])
def test_a_job_moves_and_the_others_keep_their_order(
    messenger: Messenger, jobs: list[int], to: LaneEnd, expected: list[int]
) -> None:
    assert move(messenger, jobs[2], to)
    after = order(messenger)
    assert [one.id for one in after if one.user_id == USER] == [jobs[number] for number in expected]
    assert [one.user_id for one in after] == [USER, ANOTHER_USER] * 4


def test_moving_each_to_the_front_takes_nothing_from_others(messenger: Messenger, jobs: list[int]) -> None:
    for one in jobs:
        move(messenger, one, LaneEnd.FRONT)
    after = order(messenger)
    assert [one.id for one in after if one.user_id == USER] == jobs[::-1]
    assert [one.user_id for one in after] == [USER, ANOTHER_USER] * 4


def test_a_parked_job_that_moves_to_the_front_stands_in_the_queue(messenger: Messenger) -> None:
    crowd = [new_job(user_id=USER) for _ in range(LANE + 1)]
    with messenger.transaction() as session:
        before_start.submit_all(session, crowd, sharing=Sharing(running_jobs=1))
    last, before_it = crowd[-1].id, crowd[-2].id
    move(messenger, last, LaneEnd.FRONT)
    assert (job(messenger, last).parked, job(messenger, before_it).parked) == (False, True)


def test_of_equal_turns_the_moved_one_goes_first(messenger: Messenger, jobs: list[int]) -> None:
    with messenger.transaction() as session:
        for one in jobs:
            session.get_one(GenerationJob, one).turn = 0
    move(messenger, jobs[3], LaneEnd.FRONT)
    assert order(messenger)[0].id == jobs[3]


def test_a_job_that_started_meanwhile_is_not_moved(messenger: Messenger, jobs: list[int]) -> None:
    with messenger.transaction() as session:
        first = session.get_one(GenerationJob, jobs[0])
        assert claimed(messenger) is not None
        assert not moving.move(session, first, LaneEnd.BACK)


@pytest.mark.broad
def test_a_move_past_too_many_is_none(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        session.execute(MANY, {"user": USER, "jobs": MOST_PASSED + 2})
        last = session.exec(select(GenerationJob).order_by(col(GenerationJob.id).desc()).limit(1)).one()
        with pytest.raises(TooManyBetween):
            moving.move(session, last, LaneEnd.FRONT)


@pytest.mark.broad
@pytest.mark.parametrize(("to", "order"), [(LaneEnd.FRONT, "turn"), (LaneEnd.BACK, "turn DESC")])
def test_a_move_reads_what_it_passes_and_not_all_that_waits(messenger: Messenger, to: LaneEnd, order: str) -> None:
    with messenger.transaction() as session:
        for user in (USER, ANOTHER_USER):
            session.execute(MANY, {"user": user, "jobs": MOST_PASSED})
        session.execute(text("ANALYZE generation_jobs"))
        tenth = text(f"SELECT id FROM generation_jobs WHERE user_id = :user ORDER BY {order} LIMIT 1 OFFSET 9")
        job_id = session.scalars(tenth, {"user": USER}).one()
    plans = plans_of(messenger.engine, lambda session: moving.move(session, session.get_one(GenerationJob, job_id), to))
    passed = next(plan for plan in plans if "LIMIT" in plan.statement)
    locked = next(plan for plan in plans if "FOR UPDATE" in plan.statement)
    assert passed.indexes == {"ix_generation_jobs_lane"}
    assert passed.sorted_rows == 0
    assert locked.indexes <= {"ix_generation_jobs_lane", "generation_jobs_pkey"}
    assert "any(" in locked.statement
