"""Jobs to be listed, and what the pages of a list hold."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from tests.jobs import new_job

URL = "/api/v1/generation-jobs/"


def added(messenger: Messenger, count: int, **values: Any) -> list[int]:
    """Jobs a second apart, the oldest first, whatever else is said of them."""
    began = datetime.now(UTC) - timedelta(days=1)
    with messenger.transaction() as session:
        jobs = [job_at(began + timedelta(seconds=number), values) for number in range(count)]
        session.add_all(jobs)
        session.flush()
        return [job.id for job in jobs]


def job_at(created_at: datetime, values: dict[str, Any]) -> GenerationJob:
    made = new_job()
    for name, value in ({"created_at": created_at} | values).items():
        setattr(made, name, value)
    return made


def walked(client: TestClient, query: str = "") -> Iterator[list[int]]:
    """The ids of page after page."""
    address: str | None = f"{URL}?{query}"
    while address:
        page = client.get(address).json()
        assert (page["next"] is None) == (page["cursor"] is None)
        yield [item["id"] for item in page["items"]]
        address = page["next"]


def found(client: TestClient, query: str = "") -> list[int]:
    return [job_id for page in walked(client, query) for job_id in page]
