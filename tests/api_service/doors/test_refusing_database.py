"""A PostgreSQL that answers and refuses is said to do so: by each door in its form, by the health page, and no 500."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import load_settings
from shared.database.troubles.locks import blocker
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.refusing import plain_user, without_table
from tests.simulator.graphs import txt2img
from tests.worker_service.waiting import until

JOB = {"prompt": "x", "checkpoint_model": "y"}
GRAPH = txt2img()
SUBMISSIONS = {
    "/api/v1/generation-jobs/": JOB,
    "/api/v2/jobs": {"workflow": GRAPH},
    "/api/prompt": {"prompt": GRAPH},
    "/v1/images/generations": {"prompt": "x", "model": "y"},
}


@pytest.fixture
def user(engine: Engine) -> Iterator[str]:
    """The URL of a user who is no superuser."""
    with plain_user(engine) as url:
        yield url


@pytest.fixture
def plain(environ: dict[str, str], user: str, key: str) -> Iterator[TestClient]:
    """A client of an API whose user of the database is no superuser."""
    settings = load_settings({**environ, "DATABASE_URL": user})
    with TestClient(create_app(settings, QUICK), headers=bearer(key), raise_server_exceptions=False) as client:
        yield client


def tell(engine: Engine, statement: str, user: str) -> None:
    name = user.partition("://")[2].partition(":")[0]
    with engine.begin() as connection:
        connection.exec_driver_sql(statement.format(user=name))


def readiness(client: TestClient) -> tuple[int, str, str]:
    answer = client.get("/health/ready")
    body = answer.json()
    return answer.status_code, body["status"], body["database"]["detail"]


def test_no_door_answers_a_right_that_was_taken_away_as_a_fault_of_its_own(
    plain: TestClient, engine: Engine, user: str
) -> None:
    tell(engine, "REVOKE INSERT ON generation_jobs FROM {user}", user)
    answers = {path: plain.post(path, json=body) for path, body in SUBMISSIONS.items()}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/api/v1/generation-jobs/": 503,
        "/api/v2/jobs": 500,  # its contract has no 503
        "/api/prompt": 503,
        "/v1/images/generations": 503,
    }
    assert answers["/api/v1/generation-jobs/"].json()["code"] == "database_unavailable"
    assert answers["/api/v2/jobs"].json()["error"]["message"].startswith("the service cannot reach what it needs")
    assert {answer.headers["retry-after"] for answer in answers.values()} == {"5"}
    tell(engine, "GRANT INSERT ON generation_jobs TO {user}", user)
    assert plain.post("/api/v1/generation-jobs/", json=JOB).status_code == 201


def test_the_health_page_says_which_right_is_lacking(plain: TestClient, engine: Engine, user: str) -> None:
    assert readiness(plain)[0] == 200
    tell(engine, "REVOKE INSERT, UPDATE ON generation_jobs FROM {user}", user)
    lacking = "its user has no right to INSERT on generation_jobs, UPDATE on generation_jobs"
    assert readiness(plain) == (503, "unavailable", lacking)


def test_what_no_submission_needs_lets_jobs_be_accepted(plain: TestClient, engine: Engine, user: str) -> None:
    tell(engine, "REVOKE SELECT ON workers FROM {user}", user)
    assert readiness(plain) == (200, "degraded", "its user has no right to SELECT on workers")
    body = plain.get("/health/ready").json()
    assert body["worker"] == {"ok": False, "detail": "not known, as the database does not tell it"}
    assert body["clock"]["ok"]
    assert plain.post("/api/v1/generation-jobs/", json=JOB).status_code == 201


def test_one_that_only_reads_accepts_nothing_and_the_page_says_so(plain: TestClient, engine: Engine, user: str) -> None:
    tell(engine, "ALTER ROLE {user} SET default_transaction_read_only = on", user)
    tell(engine, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'", user)
    status, said, detail = readiness(plain)
    assert (status, said) == (503, "unavailable")
    assert detail.startswith("it only reads, as a standby does")
    refused = plain.post("/api/v1/generation-jobs/", json=JOB)
    assert (refused.status_code, refused.json()["detail"]) == (
        503,
        "the database does not do what this service needs right now; send the same request again soon",
    )


def test_a_table_that_is_missing_is_named(plain: TestClient, engine: Engine) -> None:
    with without_table(engine, "job_events"):
        assert readiness(plain) == (503, "unavailable", "the table job_events is missing")


def test_a_lock_that_all_wait_for_is_told(plain: TestClient, engine: Engine) -> None:
    with engine.connect() as holder, holder.begin(), ThreadPoolExecutor(1) as threads:
        holder.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE generation_jobs")
        submitting = threads.submit(plain.post, "/api/v1/generation-jobs/", json=JOB)
        until(lambda: readiness(plain)[2] != "answers")
        status, said, detail = readiness(plain)
        assert (status, said) == (200, "degraded")
        assert re.fullmatch("a statement waits for a lock that is held, for [5-9] s by now", detail)
        held = blocker(engine)
        assert held
        assert held.pid == holder.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        holder.rollback()
        assert submitting.result(20).status_code == 201
    assert readiness(plain)[2] == "answers"
