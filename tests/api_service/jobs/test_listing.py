"""GET /api/v1/generation-jobs/: pages that neither repeat nor lose a job, and what they show."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.jobs.listing import read_page
from api_service.main import create_app
from deploy.local.load_test_data import load
from deploy.local.servers import Servers
from shared.configuration.settings import Settings, load_settings
from shared.database.engine import create_engine, transaction
from shared.jobs import lifecycle
from shared.jobs.listing.filters import Filters
from shared.jobs.listing.page_range import PageRange
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobStatus, Scope, User
from tests.api_service.conftest import bearer, new_key
from tests.api_service.jobs.lists import URL, added, found, walked
from tests.jobs import ANOTHER_USER, USER, answering, claimed, job, output, running, submitted


def test_pages_hold_every_job_once_newest_first(client: TestClient, messenger: Messenger) -> None:
    jobs = added(messenger, 23)
    pages = list(walked(client, "limit=10"))
    assert [len(page) for page in pages] == [10, 10, 3]
    assert list(chain(*pages)) == jobs[::-1]
    assert found(client, "limit=7&order=asc") == jobs


def test_jobs_of_the_same_moment_are_told_apart_by_their_numbers(client: TestClient, messenger: Messenger) -> None:
    jobs = added(messenger, 11, created_at=datetime.now(UTC))
    assert found(client, "limit=2") == jobs[::-1]
    assert found(client, "limit=2&order=asc") == jobs


@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("query", ["", "&status=queued&status=failed"])
def test_jobs_that_come_and_go_meanwhile_move_no_page(
    client: TestClient, messenger: Messenger, order: str, query: str
) -> None:
    before = added(messenger, 20)
    pages = walked(client, f"limit=4&order={order}{query}")
    seen = next(pages)
    added(messenger, 5, created_at=datetime.now(UTC))
    for gone in seen:
        with messenger.transaction() as session:
            session.delete(job(messenger, gone))
    seen += [job_id for page in pages for job_id in page]
    assert len(seen) == len(set(seen))
    assert [job_id for job_id in seen if job_id in before] == (before if order == "asc" else before[::-1])


def test_the_address_of_the_next_page_keeps_the_filters(client: TestClient, messenger: Messenger) -> None:
    added(messenger, 3, prompt="a big cat", caller_metadata={"a b": "c&d"})
    query = f"limit=2&text=big+cat&metadata={quote('a b:c&d')}"
    first = client.get(f"{URL}?{query}").json()
    assert first["next"].startswith(f"{URL}?limit=2&text=big+cat&metadata=a+b%3Ac%26d&cursor=")
    assert len(client.get(first["next"]).json()["items"]) == 1


def test_the_last_page_says_so_even_when_it_is_full(client: TestClient, messenger: Messenger) -> None:
    added(messenger, 4)
    second = client.get(client.get(f"{URL}?limit=2").json()["next"]).json()
    assert (len(second["items"]), second["next"], second["cursor"]) == (2, None, None)
    assert client.get(f"{URL}?status=failed").json() == {"items": [], "next": None, "cursor": None}


@pytest.mark.parametrize(
    "cursor", ["x", "", "0", "A" * 39, "A" * 40, "%00", "\u2603", "==", "AQ" * 17, "a b", "-_" * 20]
)
def test_what_is_no_cursor_is_refused(client: TestClient, cursor: str) -> None:
    response = client.get(URL, params={"cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


def test_a_cursor_that_was_changed_in_any_place_is_refused(client: TestClient, messenger: Messenger) -> None:
    added(messenger, 2)
    cursor = client.get(f"{URL}?limit=1").json()["cursor"]
    assert quote(cursor, safe="") == cursor, "it needs no quoting"
    for place in range(len(cursor)):
        for other in {"A", "z", "-"} - {cursor[place]}:
            changed = cursor[:place] + other + cursor[place + 1 :]
            assert client.get(f"{URL}?cursor={changed}").json()["code"] == "invalid_cursor"


@pytest.mark.parametrize("query", ["order=asc", "status=queued", "text=cat", "user_id=all", f"user_id={ANOTHER_USER}"])
def test_a_cursor_is_good_for_its_own_list_only(client: TestClient, messenger: Messenger, query: str) -> None:
    added(messenger, 2)
    client.headers.update(bearer(new_key(messenger.engine, Scope.ADMIN)))
    cursor = client.get(f"{URL}?limit=1").json()["cursor"]
    assert client.get(f"{URL}?cursor={cursor}").status_code == 200
    assert client.get(f"{URL}?user_id={USER}&limit=3&cursor={cursor}").status_code == 200, "it is the same list"
    response = client.get(f"{URL}?{query}&cursor={cursor}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


def test_an_item_shows_what_a_list_shows(client: TestClient, messenger: Messenger) -> None:
    claim = running(messenger, prompt="x" * 2000, caller_metadata={"a": 1}, priority=7)
    with messenger.transaction() as session:
        thumbnails = {"150": {"path": "x"}}
        lifecycle.complete(session, claim.lease, [output(claim, 0, thumbnails=thumbnails), output(claim, 1)])
    (item,) = client.get(URL).json()["items"]
    itself = f"{URL}{claim.job.id}"
    first = item["first_output"]
    assert (first["number"], first["kind"], first["media_type"]) == (0, "image", "image/png")
    assert first["url"].startswith(f"http://testserver{itself}/outputs/0?expires=")
    assert list(first["thumbnails"]) == ["150"]
    assert first["url_expires_at"]
    assert (item["outputs"], item["prompt"], item["metadata"], item["priority"]) == (2, "x" * 500, {"a": 1}, 7)
    assert item["links"]["self"] == itself
    assert {"workflow", "attempts", "params"}.isdisjoint(item)
    assert item["error"] is None


@pytest.fixture
def legacy(servers: Servers, environ: dict[str, str]) -> Iterator[Settings]:
    """A deployment with the rows that the former system left, and USER, who is an admin here."""
    name = f"legacy_{uuid4().hex}"
    settings = load_settings(environ | {"DATABASE_URL": servers.create_database(name)})
    load(settings.database_url)
    yield settings
    servers.drop_database(name)


@pytest.mark.broad
def test_every_row_that_the_former_system_left_is_listed_and_shown(legacy: Settings) -> None:
    engine = create_engine(legacy, application="tests")
    with transaction(engine) as session:
        session.add(User(id=USER, name="admin"))
    admin = bearer(new_key(engine, Scope.ADMIN))
    with transaction(engine) as session:
        there = set(session.exec(select(GenerationJob.id)).all())
    engine.dispose()
    with TestClient(create_app(legacy), headers=admin) as client:
        jobs = found(client, "user_id=all&limit=9")
        assert (len(jobs), set(jobs)) == (len(there), there)
        assert set(found(client, "user_id=all&limit=9&order=asc")) == there
        for job_id in jobs:
            shown = client.get(f"{URL}{job_id}")
            assert shown.status_code == 200, shown.text
        by_status = [found(client, f"user_id=all&limit=9&status={status}") for status in JobStatus]
        assert sorted(chain(*by_status)) == sorted(jobs)
        assert found(client, "user_id=all&type=image_generation")
        assert client.get(f"{URL}stats?user_id=all&days=366").status_code == 200


def test_a_page_costs_two_statements_whatever_is_on_it(messenger: Messenger) -> None:
    answering(messenger, slots=9)
    for _ in range(2):
        submitted(messenger)
        claim = claimed(messenger)
        assert claim is not None
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [output(claim, 0), output(claim, 1)])
    statements: list[str] = []
    event.listen(messenger.engine, "before_cursor_execute", lambda *of: statements.append(of[2]))
    jobs, first = read_page(messenger.engine, Filters(), PageRange(USER, 51))
    assert (len(jobs), len(first), len(statements)) == (2, 2, 2)
