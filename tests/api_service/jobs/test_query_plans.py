"""Every question to the database is answered from the index that is there for it, in a database with many jobs."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from api_service.accounts.keyring import READ_KEY
from api_service.jobs import statistics
from api_service.jobs.detail import attempts_of, outputs_of
from api_service.jobs.failures import FailureFilters, read_groups
from api_service.jobs.job_queries import job_as_of
from api_service.jobs.listing import first_outputs, jobs_of
from api_service.jobs.waiting import queue_estimate
from api_service.prompts.prompt_queries import ENDED_JOBS, PROMPTS
from deploy.local.servers import Servers
from shared.accounts.quotas import queued_jobs
from shared.accounts.users import read_user
from shared.configuration.settings import load_settings
from shared.database.engine import create_engine
from shared.jobs import before_start, deletion
from shared.jobs.attempts import Lease
from shared.jobs.cancel import cancel_one
from shared.jobs.claim import claims, due
from shared.jobs.claim.claims import Claimant
from shared.jobs.failures.quarantine import has_completed_since
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange, Position, within
from shared.jobs.listing.search import nearby, search
from shared.models import ComfyUIServer, GenerationJob, JobStatus
from tests.jobs import LEASE, USER, new_job
from tests.plans import Plan, plans_of
from tests.population import USERS, Population, populate
from worker_service.cleanup.clean_ups import HAS_THUMBNAILS, first_in, has
from worker_service.cleanup.ended_jobs import LOOK

pytestmark = pytest.mark.broad

JOBS = 20_000
NAMED = text(
    "INSERT INTO native_prompts (job_id, user_id, prompt_id) SELECT id, user_id, gen_random_uuid() FROM generation_jobs"
)
MIDDLE = Position(datetime.now(UTC) - timedelta(days=2), JOBS // 2)
OF_MANY = USERS[-1]
FOUND_LAST = datetime(2001, 1, 1, tzinfo=UTC)  # beyond what is looked through first
SERVERS = [f"http://gpu-{number}" for number in range(4)]


@pytest.fixture(scope="module")
def engine(servers: Servers, template: str) -> Iterator[Engine]:
    """A database with many jobs, that nothing here changes."""
    name = f"{template}_many"
    settings = load_settings({"APP_ENV": "test", "DATABASE_URL": servers.create_database(name, template)})
    engine = create_engine(settings, application="tests")
    populate(engine, Population(JOBS))
    with Session(engine) as session, session.begin():
        session.add_all(ComfyUIServer(name=name, last_seen_at=datetime.now(UTC)) for name in SERVERS)
        session.connection().execute(NAMED)
        session.connection().execute(text("ANALYZE native_prompts"))
        session.add_all(
            new_job(status=JobStatus.CANCELLED, created_at=FOUND_LAST, caller_metadata={"age": "old"}) for _ in range(3)
        )
    yield engine
    engine.dispose()
    servers.drop_database(name)


def planned(engine: Engine, deed: Callable[[Session], object]) -> list[Plan]:
    """The plans of a deed, none of which reads all jobs, or all of what belongs to them."""
    plans = plans_of(engine, deed)
    assert plans
    for plan in plans:
        assert plan.read_through.isdisjoint(
            {"generation_jobs", "job_outputs", "job_events", "job_attempts", "job_durations", "native_prompts"}
        ), plan.statement
    return plans


def indexes(plans: list[Plan]) -> set[str]:
    used = set().union(*(plan.indexes for plan in plans))
    return {name.removeprefix("ix_generation_jobs_") for name in used}


LISTS: dict[str, tuple[dict[str, Any], UUID | None, str]] = {
    "mine": ({}, USER, "list"),
    "everybody's": ({}, None, "list_all"),
    "of a time": ({"created_after": MIDDLE.created_at, "created_before": datetime.now(UTC)}, USER, "list"),
    "one status": ({"status": ("completed",)}, USER, "list_status"),
    "a rare status": ({"status": ("expired",)}, USER, "list_status"),
    "several statuses": ({"status": ("failed", "queued", "cancelled")}, USER, "list_status"),
    "everybody's of a status": ({"status": ("failed",)}, None, "list_status"),
    "everybody's of several": ({"status": ("failed", "running")}, None, "list_status"),
    "a type": ({"type": "workflow"}, USER, "list_type"),
    "everybody's of a type": ({"type": "workflow"}, None, "list_type"),
    "a checkpoint": ({"checkpoint": "rare.safetensors"}, USER, "list_checkpoint"),
    "everybody's of a checkpoint": ({"checkpoint": "rare.safetensors"}, None, "list_checkpoint"),
    "a batch": ({"batch": UUID("16b9e0b5-2dd7-a3a6-1bd4-3f4a6a3a0a3d")}, USER, "batch"),
    "a schedule": ({"schedule": UUID("7d0d3b6c-0b0e-4c5f-8a86-5f0d8c1a2b3c")}, USER, "schedule"),
    "failures": ({"failure": "0000000000000007"}, USER, "list_failure"),
    "everybody's failures": ({"failure": "0000000000000007"}, None, "list_failure"),
    "pinned": ({"pinned": True}, USER, "pinned"),
    "everybody's pinned": ({"pinned": True}, None, "pinned"),
    "metadata": ({"metadata": ("shot:77",)}, USER, "find_metadata"),
    "everybody's metadata": ({"metadata": ("shot:77",)}, None, "find_metadata"),
    "two of metadata": ({"metadata": ("project:p8", "shot:77")}, USER, "find_metadata"),
    "labels": ({"requires": ("rare",)}, USER, "find_labels"),
    "everybody's labels": ({"requires": ("rare", "a100")}, None, "find_labels"),
    "text": ({"text": "zeppelin"}, USER, "find_prompt"),
    "everybody's text": ({"text": "zeppelin -dog"}, None, "find_prompt"),
}


@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "later page"])
@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize(("filters", "owner", "index"), LISTS.values(), ids=LISTS)
def test_a_list_is_read_from_its_index(
    engine: Engine,
    filters: dict[str, Any],
    owner: UUID | None,
    index: str,
    ascending: bool,
    after: Position[int] | None,
) -> None:
    stretch = PageRange(owner, 51, after, ascending)
    plans = planned(engine, lambda session: jobs_of(session, Filters(**filters), stretch))
    assert index in indexes(plans), plans[0].nodes
    # What is found whoever owns it may be cut with what the user owns, and is looked for in the next jobs first.
    first = {"list", "list_all"} if Filters(**filters).has_index_of_its_own else set()
    assert indexes(plans) <= {index, "generation_jobs_pkey", *first}
    # Sorted is what a page holds, of each status and each user; or the few that were found.
    assert max(plan.sorted_rows for plan in plans) <= 51 * 10 * 2


@pytest.mark.parametrize("common", [{"text": "lighthouse"}, {"metadata": ("project",)}], ids=["text", "metadata"])
@pytest.mark.parametrize("owner", [None, USER], ids=["everybody's", "mine"])
def test_what_is_common_is_read_in_order_until_the_page_is_full(
    engine: Engine, common: dict[str, Any], owner: UUID | None
) -> None:
    """A word that a quarter of the prompts have: finding all of them would cost more with each job."""
    plans = planned(engine, lambda session: jobs_of(session, Filters(**common), PageRange(owner, 51)))
    assert len(plans) == 2, "the index of what is rare is not asked"
    assert indexes(plans) <= {"list", "list_all", "generation_jobs_pkey"}
    assert plans[0].sorted_rows == 0, "it stops at the end of the page"


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize("owner", [None, OF_MANY], ids=["everybody's", "mine"])
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"metadata": ("project:p7",)}, "find_metadata"),
        ({"metadata": ("project:p7",), "status": ("expired",)}, "find_metadata"),
        ({"text": "fox"}, "find_prompt"),
        ({"requires": ("a100",)}, "find_labels"),
    ],
    ids=["metadata", "metadata and status", "text", "labels"],
)
def test_what_is_seldom_is_found_in_the_days_that_a_page_wants(
    engine: Engine, filters: dict[str, Any], index: str, owner: UUID | None, ascending: bool
) -> None:
    wanted = Filters(**filters)
    with Session(engine) as session:
        query = select(GenerationJob.id).where(*wanted.conditions(GenerationJob), *within(PageRange(owner, 0)))
        if wanted.statuses:
            query = query.where(col(GenerationJob.status).in_(wanted.statuses))
        order = PageRange(owner, 0, ascending=ascending).order(GenerationJob)
        every = session.exec(query.order_by(*order)).all()
        near = session.execute(nearby(wanted, PageRange(owner, JOBS, ascending=ascending))).all()
    assert 0 < len(near) < len(every), "these are among the next jobs, and others are not"
    page_range = PageRange(owner, len(near) + 1, ascending=ascending)
    plans = planned(engine, lambda session: found_by(session, wanted, page_range, every))
    assert len(plans) > 1
    assert index in indexes(plans)
    days = [plan for plan in plans if "&&" in plan.statement]
    assert days, "it is asked for some days"
    assert all(index in indexes([plan]) for plan in days)
    assert indexes(days) <= {index, "list"}, "what a user owns may be cut with it"


def found_by(session: Session, filters: Filters, page_range: PageRange, every: Sequence[int]) -> None:
    assert set(search(session, filters, page_range)) == set(every[: page_range.limit])


def test_the_outputs_of_a_page_are_one_statement(engine: Engine) -> None:
    plans = planned(engine, lambda session: first_outputs(session, list(range(1, 200))))
    assert (len(plans), indexes(plans)) == (1, {"job_outputs_pkey"})


def some_job(session: Session, status: JobStatus, **values: Any) -> GenerationJob:
    wanted = select(GenerationJob).where(GenerationJob.status == status).order_by(col(GenerationJob.id).desc())
    return session.exec(wanted.limit(1)).one()


@pytest.mark.parametrize("owner", [USER, None], ids=["mine", "everybody's"])
@pytest.mark.parametrize("fingerprint", [None, "0000000000000007"], ids=["all", "one"])
def test_groups_of_failures_are_counted_from_one_index(
    engine: Engine, owner: UUID | None, fingerprint: str | None
) -> None:
    filters = FailureFilters(owner, USER)
    plans = planned(engine, lambda session: read_groups(session, filters, fingerprint=fingerprint, limit=51))
    of_failures = {"list_failure", "failed"} if fingerprint is None else {"list_failure"}
    assert indexes(plans) <= {*of_failures, "generation_jobs_pkey", "muted_failures_pkey"}
    assert len(indexes(plans) & of_failures) == 1


def test_groups_of_a_day_are_counted_from_the_failures_of_that_day(engine: Engine) -> None:
    filters = FailureFilters(owner=USER, reader=USER, since=datetime.now(UTC) - timedelta(days=1))
    plans = planned(engine, lambda session: read_groups(session, filters, limit=50))
    assert "failed" in indexes(plans)
    assert "list_failure" not in indexes(plans)


IN_ORDER = """
SELECT id FROM generation_jobs WHERE (CAST(:owner AS uuid) IS NULL OR user_id = :owner) AND {condition}
ORDER BY created_at {order}, id {order} LIMIT 30
"""


@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("owner", [USER, OF_MANY, None], ids=["few", "many", "everybody's"])
@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"text": "cat"}, "prompt LIKE '%cat%'"),
        ({"text": "zeppelin"}, "prompt LIKE '%zeppelin%'"),
        ({"metadata": ["project:p7"]}, "metadata ->> 'project' = 'p7'"),
        ({"metadata": ["age:old"]}, "metadata ->> 'age' = 'old'"),
        ({"metadata": ["age:new"]}, "metadata ->> 'age' = 'new'"),
    ],
)
def test_a_page_that_is_searched_for_is_the_first_of_all_that_match(
    engine: Engine, filters: dict[str, Any], condition: str, owner: UUID | None, ascending: bool
) -> None:
    given = text(IN_ORDER.format(condition=condition, order="ASC" if ascending else "DESC"))
    page = PageRange(owner, 30, ascending=ascending)
    with Session(engine) as session:
        found = [job.id for job in jobs_of(session, Filters.model_validate(filters), page)]
        assert found == list(session.scalars(given, {"owner": owner}))


def test_thumbnails_that_may_go_are_looked_for_where_there_are_some(engine: Engine) -> None:
    look = LOOK.format(
        condition=has("job_outputs", HAS_THUMBNAILS), size="0", first=first_in("job_outputs", HAS_THUMBNAILS)
    )
    given = {"owner": USER, "age": timedelta(hours=1), "status": "completed", "sized": False, "window": 1000}
    plans = planned(
        engine, lambda session: session.execute(text(look), {**given, "created_at": "-infinity", "id": 0}).all()
    )
    assert "ix_job_outputs_thumbnails" in {name for plan in plans for name in plan.indexes}


def test_whether_a_workflow_has_completed_since_is_looked_up(engine: Engine) -> None:
    with Session(engine) as session:
        done = some_job(session, JobStatus.COMPLETED)
    last = done.completed_at
    assert last
    assert indexes(planned(engine, lambda session: has_completed_since(session, done.workflow_key, last))) == {
        "estimate"
    }


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.COMPLETED])
def test_a_job_is_read_by_its_key_with_all_that_belongs_to_it(engine: Engine, status: JobStatus) -> None:
    with Session(engine) as session:
        job_id = some_job(session, status).id

    def read(session: Session) -> None:
        read = job_as_of(session, job_id, None)
        assert read
        outputs_of(session, read.row)
        place, attempts = queue_estimate.position_of(session, read.row), attempts_of(session, read.row)
        queue_estimate.estimate_for(session, read, place, attempts)

    used = indexes(planned(engine, read))
    expected = {
        JobStatus.QUEUED: {"generation_jobs_pkey", "claim", "deadline", "held", "parked", "job_durations_pkey"},
        JobStatus.RUNNING: {"generation_jobs_pkey", "job_attempts_pkey", "job_durations_pkey"},
        JobStatus.COMPLETED: {"generation_jobs_pkey", "job_attempts_pkey", "job_outputs_pkey"},
    }
    assert used == expected[status]


def test_prompts_are_read_by_their_names_and_their_jobs(engine: Engine) -> None:
    of_two = {"user_ids": [USER, USER], "prompt_ids": [uuid4(), uuid4()]}
    ended = planned(engine, lambda session: ENDED_JOBS.execute(session, of_two))
    assert indexes(ended) == {"ix_native_prompts_name", "generation_jobs_pkey"}
    named = planned(engine, lambda session: PROMPTS.all(session, {"this_user": USER, "these_jobs": [1, 2]}))
    assert indexes(named) == {"ix_native_prompts_user", "generation_jobs_pkey"}


def test_what_each_request_asks_is_one_look_into_an_index(engine: Engine) -> None:
    assert indexes(planned(engine, lambda session: read_user(session, USER))) <= {"users_pkey"}
    assert indexes(planned(engine, lambda session: READ_KEY.all(session, {"this_key": "k"}))) <= {"api_keys_pkey"}
    assert len(planned(engine, lambda session: queued_jobs(session, USER, 5))) == 1


@pytest.mark.parametrize("owner", [USER, None], ids=["mine", "everybody's"])
def test_statistics_never_read_the_jobs_that_ended(engine: Engine, owner: UUID | None) -> None:
    since = datetime.now(UTC).date() - timedelta(days=29)
    assert indexes(planned(engine, lambda session: session.execute(statistics.live_by_day(owner, since)))) == {
        "list_status"
    }
    (plan,) = plans_of(engine, lambda session: session.execute(statistics.ended(owner, since)))
    assert {node.get("Relation Name") for node in plan.nodes} <= {"job_statistics", None}
    assert owner is None or plan.indexes == {"job_statistics_pkey"}


CLAIMANT = Claimant("worker-9", "message-9", SERVERS, LEASE)

DEEDS: dict[str, tuple[Callable[[Session], object], set[str]]] = {
    "take": (lambda session: claims.claim(session, CLAIMANT), {"claim"}),
    "adopt": (lambda session: claims.adopt(session, CLAIMANT), {"held"}),
    "renew": (lambda session: claims.renew(session, [Lease(JOBS - 560, 1)], LEASE), set()),
    "due, queued": (lambda session: due.startable(session, 8, None), {"claim"}),
    "due, queued, with limits": (lambda session: due.startable(session, 8, 3), {"claim"}),
    "due, pending": (lambda session: before_start.due_pending(session, 500), {"pending"}),
    "abandoned": (lambda session: due.abandoned(session, 500), {"held"}),
    "overdue": (lambda session: before_start.overdue(session, 500), {"deadline"}),
    "cancel": (lambda session: cancel_one(session, JOBS), {"generation_jobs_pkey"}),
    "amend": (lambda session: before_start.amend(session, JOBS, priority=1), {"generation_jobs_pkey"}),
    "delete": (lambda session: deletion.delete_job(session, 1, None), {"generation_jobs_pkey", "job_outputs_pkey"}),
}


@pytest.mark.parametrize(("deed", "expected"), DEEDS.values(), ids=DEEDS)
def test_what_workers_and_changes_ask_is_answered_from_indexes(
    engine: Engine, deed: Callable[[Session], object], expected: set[str]
) -> None:
    assert expected <= indexes(planned(engine, deed))


def test_a_sequential_scan_is_noticed(engine: Engine) -> None:
    """What the other tests rely on."""
    unindexed = select(GenerationJob.id).where(GenerationJob.width == 7)
    (plan,) = plans_of(engine, lambda session: session.exec(unindexed).all())
    assert plan.read_through == {"generation_jobs"}
