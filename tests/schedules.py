"""Schedules for tests, each with a job of tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from shared.accounts.keys import KeyTerms, create_key
from shared.database.engine import transaction
from shared.messaging.messenger import Messenger
from shared.models import ApiKey, GenerationJob, Schedule, Scope
from shared.schedules.due import run_due
from shared.schedules.runs import Quotas
from shared.schedules.template import JobTemplate, SeedPlace, columns_of
from tests.jobs import USER, new_job

NO_QUOTAS = Quotas(None, None)
SEED = SeedPlace(keys=("params", "seed"), lowest=0, highest=2**53 - 1)
A_MINUTE = timedelta(minutes=1)
ONCE_A_YEAR = "0 0 29 6 *"


def key_of_user(engine: Engine, **limits: Any) -> str:
    """A key of USER that may submit jobs. Returns its id."""
    with transaction(engine) as session:
        return create_key(session, USER, KeyTerms("schedules", (Scope.WRITE,), limits=limits)).key.id


def template(*seeds: SeedPlace, **values: Any) -> dict[str, Any]:
    of_template = {name: values.pop(name) for name in ("delay_s", "deadline_s") if name in values}
    columns = columns_of(new_job(**values))
    return JobTemplate(columns=columns, seeds=seeds, **of_template).model_dump(mode="json")


def scheduled(engine: Engine, *, due: timedelta | datetime = timedelta(0), **values: Any) -> Schedule:
    """A schedule of USER for once a year, that came due so long ago, or comes due then."""
    key_id = values.pop("key_id", None) or key_of_user(engine)
    first = {"name": "each year", "cron": ONCE_A_YEAR, "time_zone": "UTC", "user_id": USER, "key_id": key_id}
    at = due if isinstance(due, datetime) else datetime.now(UTC) - due
    with transaction(engine) as session:
        schedule = Schedule(**{**first, "template": template(SEED), "next_at": at, **values})
        session.add(schedule)
        session.flush()
        session.refresh(schedule)
    return schedule


def now_it_is(engine: Engine, schedule: Schedule) -> Schedule:
    with transaction(engine) as session:
        return session.get_one(Schedule, schedule.id)


def becomes_due(engine: Engine, schedule: Schedule, ago: timedelta = timedelta(0)) -> None:
    with transaction(engine) as session:
        row = session.get_one(Schedule, schedule.id)
        row.next_at = min(datetime.now(UTC), (row.last_planned_at or datetime.max.replace(tzinfo=UTC)) - A_MINUTE) - ago


def jobs_of(engine: Engine, schedule: Schedule) -> list[GenerationJob]:
    of_schedule = select(GenerationJob).where(GenerationJob.schedule_id == schedule.id)
    with transaction(engine) as session:
        return list(session.exec(of_schedule.order_by(col(GenerationJob.id))).all())


def run_all(messenger: Messenger, quotas: Quotas = NO_QUOTAS) -> int:
    return run_due(messenger, quotas)


def revoke_keys(engine: Engine) -> None:
    with transaction(engine) as session:
        for key in session.exec(select(ApiKey).where(ApiKey.user_id == USER)):
            key.revoked_at = datetime.now(UTC)
