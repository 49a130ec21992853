"""A schedule runs once a day also on the days on which its clock is put forward or back."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import Missed, Overlap
from tests.another_clock import set_clock
from tests.schedules import jobs_of, now_it_is, run_all, scheduled


class TestWhenSummerTimeBegins:
    @pytest.fixture
    def database_url(self, own_database: str) -> str:
        return own_database

    def test_what_the_clock_leaves_out_runs_once_after_the_gap(
        self, messenger: Messenger, engine: Engine, settings: Settings
    ) -> None:
        half_past_two = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "overlap": Overlap.QUEUE}
        the_clock_is(settings, "2027-03-28T00:59:30")
        schedule = scheduled(engine, due=utc("2027-03-27T01:30:00"), missed=Missed.SKIP, **half_past_two)
        assert run_all(messenger) == 0, "yesterday's was missed"
        assert now_it_is(engine, schedule).next_at == utc("2027-03-28T01:00:00")  # 3:00, which follows 1:59
        the_clock_is(settings, "2027-03-28T01:00:02")
        assert run_all(messenger) == 1
        assert now_it_is(engine, schedule).next_at == utc("2027-03-29T00:30:00")
        the_clock_is(settings, "2027-03-28T01:30:02")
        assert run_all(messenger) == 0
        the_clock_is(settings, "2027-03-29T00:30:02")
        assert run_all(messenger) == 1
        assert len(jobs_of(engine, schedule)) == 2

    def test_what_the_clock_shows_twice_runs_the_first_time(
        self, messenger: Messenger, engine: Engine, settings: Settings
    ) -> None:
        half_past_two = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "overlap": Overlap.QUEUE}
        the_clock_is(settings, "2027-10-31T00:30:02")
        schedule = scheduled(engine, due=utc("2027-10-31T00:30:00"), **half_past_two)
        assert run_all(messenger) == 1
        the_clock_is(settings, "2027-10-31T01:30:02")
        assert run_all(messenger) == 0
        assert now_it_is(engine, schedule).next_at == utc("2027-11-01T01:30:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def the_clock_is(settings: Settings, text: str) -> None:
    set_clock(settings.database_url, utc(text) - datetime.now(UTC))
