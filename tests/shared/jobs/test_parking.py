"""Jobs that their owner may not run yet wait behind the queue, and join it in the order of their turns."""

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import func, text
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from api_service.jobs.waiting.queue_estimate import position_of
from shared.configuration.choices import Sharing
from shared.jobs import before_start, lifecycle
from shared.jobs.cancel import cancel_many
from shared.jobs.claim import claims, due
from shared.jobs.claim.claims import Claim
from shared.jobs.claim.free_server import read_backlog
from shared.jobs.errors import PromptLost
from shared.jobs.lanes import parking
from shared.jobs.lanes.parking import LANE, LOW
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, Outcome, Pause, User
from tests.jobs import ANOTHER_USER, SERVER, USER, answering, claimant, job, new_job, output
from tests.plans import plans_of

ONE_EACH = Sharing(running_jobs=1)
CROWD = LANE + 60


@pytest.fixture(autouse=True)
def server(messenger: Messenger) -> None:
    answering(messenger, slots=1000)


def many(
    messenger: Messenger, count: int, user: UUID = USER, sharing: Sharing = ONE_EACH, **values: object
) -> list[int]:
    jobs = [new_job(user_id=user, **values) for _ in range(count)]
    with messenger.transaction() as session:
        before_start.submit_all(session, jobs, sharing=sharing)
    return [one.id for one in jobs]


def claimed(messenger: Messenger, running_jobs: int | None = 1) -> Claim | None:
    with messenger.transaction() as session:
        return claims.claim(session, claimant()._replace(running_jobs=running_jobs))


def run_one(messenger: Messenger, running_jobs: int | None = 1) -> int:
    """Claim a job and complete it."""
    claim = claimed(messenger, running_jobs)
    assert claim is not None
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    return claim.job.id


def sweep(messenger: Messenger, sharing: Sharing = ONE_EACH, without: Sequence[str] = ()) -> None:
    """`without`: ways in which the database may not do it now."""
    with messenger.transaction() as session:
        for way in without:
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        due.prepare(session, 500, sharing=sharing)


def standing(messenger: Messenger, user: UUID = USER) -> list[int]:
    """The jobs of a user that stand in the queue, in their order."""
    with messenger.transaction() as session:
        return list(session.exec(of_user(user, parked=False)))


def parked(messenger: Messenger, user: UUID = USER) -> list[int]:
    with messenger.transaction() as session:
        return list(session.exec(of_user(user, parked=True)))


def of_user(user: UUID, *, parked: bool) -> SelectOfScalar[int]:
    found = select(GenerationJob.id).where(
        GenerationJob.user_id == user,
        GenerationJob.status == JobStatus.QUEUED,
        col(GenerationJob.parked).is_(parked),
    )
    return found.order_by(col(GenerationJob.priority).desc(), col(GenerationJob.turn), col(GenerationJob.id))


def place(messenger: Messenger, job_id: int, running_jobs: int | None = 1) -> int | None:
    with messenger.transaction() as session:
        found = position_of(session, session.get_one(GenerationJob, job_id), running_jobs)
    return found and found.position


def pause(session: Session, user: UUID = USER) -> None:
    session.add(Pause(user_id=user, paused_by="an admin"))


def test_the_queue_has_a_lane_of_a_user_who_is_limited(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    assert (standing(messenger), parked(messenger)) == (ids[:LANE], ids[LANE:])


def test_it_has_all_of_a_user_who_is_not(messenger: Messenger) -> None:
    ids = many(messenger, CROWD, sharing=Sharing())
    assert standing(messenger) == ids


def test_what_comes_behind_parked_jobs_is_parked(messenger: Messenger) -> None:
    many(messenger, CROWD)
    with messenger.transaction() as session:
        cancel_many(session, standing(messenger)[: LANE - LOW])
    (last,) = many(messenger, 1)
    assert last in parked(messenger)


@pytest.mark.broad
@pytest.mark.parametrize("running_jobs", [1, None])
def test_all_jobs_of_a_crowd_run_in_their_order(messenger: Messenger, running_jobs: int | None) -> None:
    """Also once the limit is gone."""
    ids = many(messenger, CROWD + LANE)
    assert [run_one(messenger, running_jobs) for _ in ids] == ids
    assert claimed(messenger, running_jobs) is None


def test_a_lane_that_is_cancelled_is_filled_up_at_once(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    with messenger.transaction() as session:
        cancel_many(session, ids[:LANE])
    assert standing(messenger) == ids[LANE:]


def test_a_lane_whose_jobs_get_another_priority_is_filled_up_and_so_is_theirs(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    with messenger.transaction() as session:
        before_start.reprioritize(session, ids[1:LANE] + ids[-1:], 9, sharing=ONE_EACH)
    assert set(standing(messenger)) == set(ids)
    assert not parked(messenger)


@pytest.mark.broad
def test_a_parked_job_is_cancelled_like_any_other(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    with messenger.transaction() as session:
        cancel_many(session, ids[-1:])
    assert job(messenger, ids[-1]).status is JobStatus.CANCELLED
    assert [run_one(messenger) for _ in ids[:-1]] == ids[:-1]


def test_a_parked_job_expires_like_any_other(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        passed = session.exec(select(func.now())).one()
    ids = many(messenger, LANE) + many(messenger, 1, deadline_at=passed)
    assert parked(messenger) == ids[-1:]
    sweep(messenger)
    assert job(messenger, ids[-1]).status is JobStatus.EXPIRED


def test_a_job_that_is_put_back_stands_in_the_queue(messenger: Messenger) -> None:
    many(messenger, CROWD)
    claim = claimed(messenger)
    assert claim is not None
    with messenger.transaction() as session:
        lifecycle.put_back(session, claim.lease, PromptLost("gpu", "p"), Outcome.RETRIED)
    assert standing(messenger)[0] == claim.job.id


def test_the_sweep_fills_up_a_lane_that_nobody_filled(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    with messenger.transaction() as session:
        session.execute(parking.parking(col(GenerationJob.user_id) == USER, parked=True))
    assert claimed(messenger) is None
    sweep(messenger)
    assert standing(messenger) == ids[:LANE]


@pytest.mark.parametrize(
    "without", [("hashjoin", "mergejoin", "hashagg", "sort"), ("nestloop",), ("hashjoin", "nestloop")], ids="-".join
)
def test_a_lane_is_filled_no_further_whatever_the_plan(messenger: Messenger, without: Sequence[str]) -> None:
    ids = many(messenger, CROWD)
    with messenger.transaction() as session:
        session.execute(parking.parking(col(GenerationJob.user_id) == USER, parked=True))
    sweep(messenger, without=without)
    assert standing(messenger) == ids[:LANE]


@pytest.mark.broad
def test_many_that_wake_at_once_fill_their_lane(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        soon = session.exec(select(func.now())).one()
    ids = many(messenger, CROWD, run_after=soon)
    sweep(messenger)
    assert standing(messenger) == ids[:LANE]
    assert parked(messenger) == ids[LANE:]


def test_jobs_that_came_before_the_limit_are_parked_by_the_sweep(messenger: Messenger) -> None:
    ids = many(messenger, CROWD, sharing=Sharing())
    claimed(messenger)
    sweep(messenger)
    assert (standing(messenger), parked(messenger)) == (ids[1 : LANE + 1], ids[LANE + 1 :])


def test_places_in_the_queue_count_parked_jobs(messenger: Messenger) -> None:
    ids = many(messenger, CROWD)
    (urgent,) = many(messenger, 1, priority=9)
    assert [place(messenger, one) for one in (urgent, ids[0], ids[LANE - 1], ids[-1])] == [1, 2, LANE + 1, CROWD + 1]
    (last,) = many(messenger, 1, ANOTHER_USER, turn=0)
    behind = job(messenger, last).turn
    with messenger.transaction() as session:
        session.get_one(GenerationJob, last).turn = job(messenger, ids[-1]).turn + behind + 1
    assert place(messenger, last) == CROWD + 2


def test_places_leave_out_parked_jobs_of_a_user_at_the_limit(messenger: Messenger) -> None:
    many(messenger, CROWD, priority=9)
    claimed(messenger)
    (other,) = many(messenger, 1, ANOTHER_USER)
    assert place(messenger, other) == 1


def test_no_job_of_a_paused_user_starts_and_the_others_do(messenger: Messenger) -> None:
    before = many(messenger, 3)
    with messenger.transaction() as session:
        pause(session)
    after = many(messenger, 2)
    (other,) = many(messenger, 1, ANOTHER_USER)
    assert (standing(messenger), parked(messenger)) == (before, after)
    assert run_one(messenger) == other
    assert claimed(messenger) is None
    sweep(messenger)
    assert parked(messenger) == before + after
    assert [place(messenger, one) for one in before] == [None] * 3


ENDED_BEFORE = text("""
INSERT INTO generation_jobs (user_id, job_type, status, prompt, parked, turn, completed_at)
SELECT :user, 'image', CASE WHEN n <= 4000 THEN 'completed' ELSE 'queued' END, 'a cat', n > 4500 AND :parked, n, now()
FROM generate_series(1, 6000) AS n
""")


@pytest.mark.parametrize("is_parked", [False, True], ids=["queued", "parked"])
def test_many_waiting_jobs_behind_many_that_have_ended_are_found_without_these(
    messenger: Messenger, is_parked: bool
) -> None:
    with messenger.transaction() as session:
        session.execute(ENDED_BEFORE, {"user": USER, "parked": is_parked})
        session.execute(text("ANALYZE generation_jobs"))
        session.execute(text("ANALYZE users"))
    deeds: list[Callable[[Session], object]] = [
        lambda session: read_backlog(session, [SERVER], None),
        lambda session: before_start.submit(session, new_job(), sharing=ONE_EACH),
        due.is_any_queued,
        lambda session: parking.fill_after(session, [new_job(parked=False)]),
    ]
    for deed in deeds:
        plans = plans_of(messenger.engine, deed)
        assert plans
        assert "generation_jobs" not in set[str]().union(*(plan.read_through for plan in plans))


def test_a_user_with_a_limit_of_their_own_has_a_lane(messenger: Messenger) -> None:
    with messenger.transaction() as session:
        session.get_one(User, USER).running_jobs_limit = 2
    ids = many(messenger, CROWD, sharing=Sharing())
    assert standing(messenger) == ids[:LANE]
