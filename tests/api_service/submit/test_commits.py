"""What is accepted costs one commit, whose sync to disk is most of what PostgreSQL spends on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Engine, event
from starlette.testclient import TestClient

JOBS = "/api/v1/generation-jobs/"
BODY = {"prompt": "a cat", "checkpoint_model": "sd15"}
BATCH = {"jobs": [BODY] * 3}


class Commit(NamedTuple):
    """A commit, and whether there was anything to write: one of a transaction that only read costs no disk."""

    wrote: bool


@contextmanager
def commits() -> Iterator[list[Commit]]:
    """Collects the commits on any connection of this process, the API's own, until the block ends."""
    found: list[Commit] = []

    def note(connection: Connection) -> None:
        number = connection.exec_driver_sql("SELECT pg_current_xact_id_if_assigned()::text").scalar()
        found.append(Commit(wrote=number is not None))

    event.listen(Engine, "commit", note)
    try:
        yield found
    finally:
        event.remove(Engine, "commit", note)


def post(client: TestClient, path: str, body: Any, **headers: str) -> list[Commit]:
    with commits() as found:
        assert client.post(path, json=body, headers=headers).status_code == 201
    return found


@pytest.fixture
def warm(client: TestClient) -> TestClient:
    """A client whose key was used before: the first time is written down, once in a while."""
    post(client, JOBS, BODY)
    return client


@pytest.mark.parametrize(("path", "body"), [(JOBS, BODY), (f"{JOBS}bulk", BATCH)], ids=["one job", "a batch"])
def test_a_submission_is_one_commit_and_no_other(warm: TestClient, path: str, body: Any) -> None:
    submissions = [post(warm, path, body) for _ in range(5)]
    assert [found.count(Commit(wrote=True)) for found in submissions] == [1] * len(submissions)
    # On a slow machine the key and the fleet may be read again before one of these; not before each.
    assert min(map(len, submissions)) == 1


def test_an_idempotency_key_is_looked_for_and_written_with_the_job(warm: TestClient) -> None:
    found = post(warm, JOBS, BODY, **{"Idempotency-Key": "order-7"})
    assert found.count(Commit(wrote=True)) == 1
