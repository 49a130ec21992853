"""What a task asks for is checked before there is one: each wrong field is named."""

from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from tests.api_service.tasks.test_tasks import refused

REPORT = {"kind": "report", "first_day": "2026-01-01", "last_day": "2026-01-01"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "paint"}, "kind"),
        ({"kind": 7}, "kind"),
        ([], "body"),
        ({"kind": "delete_jobs"}, "body"),
        ({"kind": "delete_jobs", "filter": {}}, "body"),
        ({"kind": "delete_jobs", "filter": {"user_id": "all"}}, "body"),
        ({"kind": "delete_jobs", "ids": [1], "all": True}, "body"),
        ({"kind": "delete_jobs", "ids": []}, "ids"),
        ({"kind": "delete_jobs", "ids": ["1"]}, "ids[0]"),
        ({"kind": "delete_jobs", "ids": [2**31]}, "ids[0]"),
        ({"kind": "delete_jobs", "all": True, "dry_run": 1}, "dry_run"),
        ({"kind": "delete_jobs", "all": True, "speed": 1}, "speed"),
        ({"kind": "delete_jobs", "filter": {"status": ["gone"]}}, "filter.status[0]"),
        ({"kind": "delete_jobs", "filter": {"colour": "red"}}, "filter.colour"),
        ({"kind": "tag_jobs", "all": True}, "metadata"),
        ({"kind": "tag_jobs", "all": True, "metadata": {}}, "metadata"),
        ({"kind": "tag_jobs", "all": True, "metadata": {"a": "\0"}}, "metadata"),
        ({"kind": "prioritize_jobs", "all": True, "priority": 10}, "priority"),
        ({**REPORT, "first_day": "2026-01-02"}, "last_day"),
        ({**REPORT, "last_day": "2027-01-02"}, "last_day"),
        ({"kind": "import"}, "body"),
        ({"kind": "import", "url": "https://example.com/", "asset_id": str(UUID(int=7))}, "body"),
        ({"kind": "import", "url": "http://127.0.0.1/a.zip"}, "url"),
        ({"kind": "import", "asset_id": str(UUID(int=7))}, "asset_id"),
        ({"kind": "export"}, "body"),
        ({**REPORT, "first_day": "0001-01-01"}, "first_day"),
        ({**REPORT, "last_day": "9999-12-31"}, "last_day"),
        ({**REPORT, "time_zone": "Europe/Bärlin"}, "time_zone"),
        ({**REPORT, "time_zone": "+02:00"}, "time_zone"),
        ({**REPORT, "time_zone": None}, "time_zone"),
        ({**REPORT, "first_day": "soon"}, "first_day"),
        ({**REPORT, "format": "pdf"}, "format"),
    ],
)
def test_each_wrong_field_is_named(client: TestClient, body: Any, field: str) -> None:
    assert list(refused(client, body)) == [field]


def test_a_time_zone_like_the_one_that_is_not_known_is_named(client: TestClient) -> None:
    assert "did you mean 'Europe/Berlin" in refused(client, {**REPORT, "time_zone": "Europe/Berlim"})["time_zone"]
