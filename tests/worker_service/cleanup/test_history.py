"""After a day a quarter of an hour is one sample, and after a month none."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import HistorySample
from tests.cleaning import cleaned, would_go
from tests.history import noted
from worker_service.cleanup import history

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)


def known(messenger: Messenger) -> list[HistorySample]:
    with messenger.transaction() as session:
        return list(session.exec(select(HistorySample).order_by(col(HistorySample.at))))


def test_quarters_of_an_hour_are_put_together_after_a_day(messenger: Messenger, settings: Settings) -> None:
    begins = NOW - 2 * DAY
    for minute in range(30):
        waiting = [0.0] * 10
        waiting[5], waiting[9] = minute, 1
        noted(
            messenger, begins + minute * MINUTE, waiting=waiting, oldest_wait_s=minute or None, servers_busy=minute % 2
        )
    assert would_go(messenger, settings, "fine_history") == (2, 0)
    assert cleaned(messenger, settings, "fine_history") == 2
    first, second = known(messenger)
    assert [(one.at, one.step_s) for one in (first, second)] == [(begins, 900), (begins + QUARTER, 900)]
    assert [(one.waiting[5], one.waiting[9], one.waiting[0]) for one in (first, second)] == [(7, 1, 0), (22, 1, 0)]
    assert (first.oldest_wait_s, second.oldest_wait_s) == (14, 29)
    assert first.servers_busy == pytest.approx(7 / 15)
    assert (first.slots, first.stored_bytes) == (4, 1000)
    assert cleaned(messenger, settings, "fine_history") == 0


def test_what_is_younger_than_a_day_stays_as_it_is(messenger: Messenger, settings: Settings) -> None:
    for minutes in range(0, 60, 7):
        noted(messenger, NOW - DAY + timedelta(hours=1, minutes=minutes))
    before = len(known(messenger))
    assert cleaned(messenger, settings, "fine_history") == 0
    assert len(known(messenger)) == before


def test_where_nobody_waited_the_quarter_says_so(messenger: Messenger, settings: Settings) -> None:
    noted(messenger, NOW - 2 * DAY, oldest_wait_s=None)
    cleaned(messenger, settings, "fine_history")
    assert [one.oldest_wait_s for one in known(messenger)] == [None]


def test_samples_go_after_a_month(messenger: Messenger, settings: Settings) -> None:
    noted(messenger, NOW - 32 * DAY, step_s=900)
    noted(messenger, NOW - 32 * DAY)
    noted(messenger, NOW - 30 * DAY, step_s=900)
    assert cleaned(messenger, settings, "history") == 2
    assert [one.at for one in known(messenger)] == [NOW - 30 * DAY]


def test_many_go_in_pages(messenger: Messenger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "WINDOW", 2)
    for quarter in range(5):
        noted(messenger, NOW - 40 * DAY + quarter * QUARTER)
    assert cleaned(messenger, settings, "fine_history") == 5
    assert cleaned(messenger, settings, "history") == 5
    assert known(messenger) == []


def test_a_quarter_that_is_there_already_is_kept(messenger: Messenger, settings: Settings) -> None:
    noted(messenger, NOW - 2 * DAY, step_s=900, stored_bytes=5)
    noted(messenger, NOW - 2 * DAY)
    cleaned(messenger, settings, "fine_history")
    assert [(one.step_s, one.stored_bytes) for one in known(messenger)] == [(900, 5)]
