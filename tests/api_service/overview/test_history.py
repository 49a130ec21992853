"""GET /api/v1/history: how it was, in steps."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.history import noted

URL = "/api/v1/history"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def admin(messenger: Messenger) -> dict[str, str]:
    return bearer(new_key(messenger.engine, Scope.ADMIN))


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_an_hour_is_shown_minute_by_minute_and_gaps_are_left_out(
    client: TestClient, messenger: Messenger, admin: dict[str, str]
) -> None:
    now = this_minute()
    for minutes in (30, 29, 3):
        noted(messenger, now - minutes * MINUTE)
    noted(messenger, now - 90 * MINUTE)
    found = client.get(URL, headers=admin).json()
    assert found["step_s"] == 60
    assert [datetime.fromisoformat(one["at"]) for one in found["items"]] == [now - ago * MINUTE for ago in (30, 29, 3)]
    step = {name: value for name, value in found["items"][0].items() if name != "at"}
    fleet = {"slots": 4, "slots_used": 1, "servers": 2, "servers_busy": 1}
    assert step == {"waiting": {"5": 2}, "oldest_wait_s": 10, **fleet, "stored_bytes": 1000}


def test_a_day_and_a_month_are_means_of_steps(client: TestClient, messenger: Messenger, admin: dict[str, str]) -> None:
    ago = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    for quarter, used in enumerate((0, 4)):
        noted(messenger, ago + quarter * timedelta(minutes=15), step_s=900, slots_used=used, oldest_wait_s=used)
    recent = this_minute() - timedelta(hours=5)
    recent = recent.replace(minute=30)
    for minutes, used in enumerate((1, 2, 3)):
        noted(messenger, recent + minutes * MINUTE, slots_used=used, waiting=[0, 0, 0, 0, 0, used, 0, 0, 0, 1])
    day = client.get(f"{URL}?period=day", headers=admin).json()
    assert [(one["slots_used"], one["waiting"]) for one in day["items"]] == [(2, {"9": 1, "5": 2})]
    month = client.get(f"{URL}?period=month", headers=admin).json()
    assert (day["step_s"], month["step_s"]) == (900, 21_600)
    assert [(one["slots_used"], one["oldest_wait_s"]) for one in month["items"]] == [(2, 4), (2, 10)]


def test_before_the_first_sample_there_is_nothing(client: TestClient, admin: dict[str, str]) -> None:
    assert client.get(URL, headers=admin).json() == {"step_s": 60, "items": []}


def test_only_admins_see_it(client: TestClient) -> None:
    assert client.get(URL).json()["code"] == "forbidden"


def test_other_periods_are_refused(client: TestClient, admin: dict[str, str]) -> None:
    refused = client.get(f"{URL}?period=year", headers=admin)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "period")
