"""Each service's extra brings what it needs, and nothing of what only the other one does."""

from importlib.metadata import distribution

import pytest

from tests.extras import distributions_of, required_by, size_mb

OF_THE_API = {"starlette", "uvicorn", "swagger-ui-py"}
OF_THE_WORKER = {"apscheduler", "av", "pillow"}
OF_BUCKETS = {"obstore"}
OF_BOTH = {
    "dramatiq",
    "prometheus-client",
    "redis",
    "psycopg2-binary",
    "pydantic",
    "pydantic-core",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
    "tzdata",
}


def test_the_api_installs_no_http_client_no_imaging_and_no_scheduler() -> None:
    names = distributions_of("api").keys()
    assert names >= OF_BOTH | OF_THE_API
    assert names.isdisjoint(OF_THE_WORKER | OF_BUCKETS | {"httpx"})


def test_the_worker_installs_no_web_server() -> None:
    names = distributions_of("worker").keys()
    assert names >= OF_BOTH | OF_THE_WORKER
    assert names.isdisjoint(OF_THE_API | OF_BUCKETS | {"httpx"})


def test_the_scheduler_alone_installs_nothing_that_decodes_or_speaks_with_comfyui() -> None:
    names = distributions_of("scheduler").keys()
    assert names >= OF_BOTH | {"apscheduler"}
    assert names.isdisjoint({"av", "pillow", "websockets", "httpx"} | OF_THE_API | OF_BUCKETS)


def test_buckets_are_for_those_who_have_one() -> None:
    assert distributions_of("buckets").keys() >= OF_BUCKETS


def test_what_only_other_systems_need_is_not_counted() -> None:
    # tzlocal requires it on Windows alone; here it comes because we do.
    assert "tzdata" not in {one.name for one in required_by(distribution("tzlocal"), "")}


@pytest.mark.parametrize("extra", ["api", "worker", "scheduler", "migrations", "buckets", "tracing"])
def test_what_is_required_is_installed_with_its_files(extra: str) -> None:
    assert not [name for name, installed in distributions_of(extra).items() if size_mb(installed) <= 0]
