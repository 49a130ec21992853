"""How long jobs took is forgotten after three months, or where too many kinds are known: the oldest first."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlmodel import select

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from shared.models import JobDuration
from tests.cleaning import cleaned, would_go
from tests.jobs import remember
from worker_service.cleanup import durations


def days_ago(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def known(messenger: Messenger) -> set[str]:
    with messenger.transaction() as session:
        return set(session.exec(select(JobDuration.workflow_key)))


def test_what_nobody_ran_for_three_months_is_forgotten(messenger: Messenger, settings: Settings) -> None:
    remember(messenger, "old", 1.0, seen_on=days_ago(92))
    remember(messenger, "young", 1.0, seen_on=days_ago(88))
    assert would_go(messenger, settings, "durations") == (1, 0)
    assert cleaned(messenger, settings, "durations") == 1
    assert known(messenger) == {"young"}


def test_of_too_many_the_oldest_are_forgotten(messenger: Messenger, settings: Settings) -> None:
    kinds = text("""
        INSERT INTO job_durations (workflow_key, server, shape, work, seconds, jobs, seen_on)
        SELECT 'kind-' || number, 'gpu', 'f', 1, '{1}', 1, :day FROM generate_series(1, :most) AS number
    """)
    with messenger.transaction() as session:
        session.execute(kinds, {"most": durations.MOST - 1, "day": days_ago(0)})
    for days in (3, 2, 1):
        remember(messenger, f"{days} days", 1.0, seen_on=days_ago(days))
    assert cleaned(messenger, settings, "durations") == 2
    assert {"3 days", "2 days"}.isdisjoint(known(messenger))
    assert "1 days" in known(messenger)
