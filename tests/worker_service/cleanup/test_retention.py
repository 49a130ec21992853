"""What is older than it is kept goes, with its files; what is pinned, needed or kept for longer stays."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, update
from sqlmodel import col, select

from api_service.jobs.statistics import statistics_of
from shared.database.engine import transaction
from shared.models import Asset, AssetKind, AssetUse, JobAttempt, JobEvent, JobOutput, NativePrompt
from tests.cleaning import cleaned, would_go
from tests.jobs import USER, job, running, submitted
from tests.worker_service.cleanup.old import SIZES, SMALL, Old, rows_of

MONTH = timedelta(days=30)
RETAINED = ("jobs", "outputs", "previews", "events", "attempts", "request_keys")
ALL_FOR_A_MONTH: dict[str, Any] = {f"retention_{name}": MONTH for name in (*RETAINED, "assets", "deliveries")}


def clean(old: Old, name: str, **changes: Any) -> int:
    return cleaned(old.messenger, old.settings, name, **(changes or {f"retention_{name}": MONTH}))


def test_an_old_job_goes_with_all_that_is_its_own(old: Old) -> None:
    gone, stays = old.completed(31), old.completed(29)
    child = old.cancelled(1, parent_id=gone)
    assert would_go(old.messenger, old.settings, "jobs", retention_jobs=MONTH) == (1, sum(SIZES))
    assert clean(old, "jobs") == 1
    assert old.jobs() == [stays, child]
    assert job(old.messenger, child).parent_id is None
    assert {name.split("/")[-3] for name in old.files()} == {str(stays)}
    assert (old.stored_bytes(), old.notes()) == (sum(SIZES), [])
    with old.messenger.transaction() as session:
        for job_ids in (JobOutput.job_id, JobEvent.job_id, JobAttempt.job_id):
            assert set(session.exec(select(job_ids))) <= {stays, child}


def test_statistics_stay_right(old: Old) -> None:
    old.completed(40)
    old.cancelled(40)
    before = statistics_of(old.messenger.engine, USER, 366)
    assert clean(old, "jobs") == 2
    assert statistics_of(old.messenger.engine, USER, 366) == before
    assert sum(before.totals.values()) == 2


def test_what_has_come_from_elsewhere_goes_by_its_age_and_not_by_its_number(old: Old) -> None:
    for days in (29, 31):  # the older one came later, with an archive
        old.completed(days)
    assert [clean(old, name) for name in ("events", "attempts", "outputs", "outputs")] == [1, 1, 1, 0]


@pytest.mark.parametrize("name", RETAINED)
def test_nothing_goes_unless_it_is_said(old: Old, name: str) -> None:
    old.completed(4000, idempotency_key="once")
    assert clean(old, name, retention_jobs=None) == 0


@pytest.mark.parametrize("name", RETAINED)
def test_nothing_of_a_pinned_job_goes(old: Old, name: str) -> None:
    job_id = old.completed(4000, idempotency_key="once", pinned=True)
    assert clean(old, name) == 0
    assert len(old.files()) == 3
    old.change(job_id, pinned=False)
    assert clean(old, name) == 1


def test_what_is_said_of_a_user_comes_before_the_settings(old: Old) -> None:
    old.completed(10)
    old.keep(jobs=None)
    assert clean(old, "jobs", retention_jobs=timedelta(days=5)) == 0
    old.keep(jobs=20)
    assert clean(old, "jobs", retention_jobs=timedelta(days=5)) == 0
    old.keep(jobs=9)
    assert clean(old, "jobs", retention_jobs=None) == 1


def test_jobs_that_have_not_ended_stay_however_old_they_are(old: Old) -> None:
    for job_id in (running(old.messenger).job.id, submitted(old.messenger)):
        old.change(job_id, created_at=func.now() - timedelta(days=400))
    for name in RETAINED:
        assert clean(old, name) == 0


def test_outputs_go_and_their_job_says_so(old: Old) -> None:
    job_id = old.completed(31)
    before = job(old.messenger, job_id).updated_at
    assert clean(old, "outputs") == 1
    found = job(old.messenger, job_id)
    assert [warning["code"] for warning in found.warnings] == ["outputs_removed"]
    assert found.updated_at > before, "who asks whether it has changed hears so"
    assert (old.files(), old.notes(), old.stored_bytes(), rows_of(old.messenger.engine, "job_outputs")) == (
        [],
        [],
        0,
        0,
    )
    assert clean(old, "outputs") == 0


def test_thumbnails_go_and_outputs_stay(old: Old) -> None:
    job_id = old.completed(31)
    assert would_go(old.messenger, old.settings, "previews", retention_previews=MONTH) == (1, SMALL)
    assert clean(old, "previews") == 1
    assert [name.rpartition("/")[2] for name in old.files()] == ["0.png", "1.png"]
    with old.messenger.transaction() as session:
        first = session.get_one(JobOutput, (job_id, 0))
    assert (first.thumbnails, old.notes(), old.stored_bytes()) == ({}, [], sum(SIZES))
    assert "kept for a time" in (first.thumbnail_note or "")
    assert clean(old, "previews") == 0


def test_events_attempts_and_keys_go_and_the_job_stays(old: Old) -> None:
    job_id = old.completed(31, idempotency_key="once", request_digest="0")
    for name, table in (("events", "job_events"), ("attempts", "job_attempts")):
        assert clean(old, name) == 1
        assert rows_of(old.messenger.engine, table) == 0
    assert clean(old, "request_keys") == 1
    assert job(old.messenger, job_id).idempotency_key is None
    assert len(old.files()) == 3


def test_the_id_of_a_prompt_stays_its_key(old: Old) -> None:
    job_id = old.cancelled(400, idempotency_key="once")
    with transaction(old.messenger.engine) as session:
        session.add(NativePrompt(job_id=job_id, user_id=USER, prompt_id=uuid4()))
    assert clean(old, "request_keys") == 0
    assert clean(old, "jobs") == 1


@pytest.mark.parametrize("name", ["jobs", "request_keys"])
def test_the_key_of_a_request_stays_while_a_job_of_it_goes_on(old: Old, name: str) -> None:
    batch = uuid4()
    old.cancelled(400, idempotency_key="once", batch_id=batch)
    other = submitted(old.messenger, batch_id=batch)
    assert clean(old, name) == 0
    old.change(other, status="cancelled")
    assert clean(old, name) == 1


def test_a_job_stays_while_one_that_repeats_it_goes_on(old: Old) -> None:
    parent = old.cancelled(400)
    child = submitted(old.messenger, parent_id=parent)
    assert clean(old, "jobs") == 0
    old.change(child, status="failed")
    assert clean(old, "jobs") == 1


def test_any_number_goes_page_by_page_over_those_that_stay(old: Old) -> None:
    old.many(700, pinned=True)
    old.many(1300)
    assert would_go(old.messenger, old.settings, "jobs", retention_jobs=MONTH) == (1300, 0)
    assert clean(old, "events") == 1300
    assert clean(old, "jobs") == 1300
    assert rows_of(old.messenger.engine, "generation_jobs") == 700


def test_a_dry_run_removes_nothing(old: Old) -> None:
    old.completed(4000, idempotency_key="once")
    files = old.files()
    for name in RETAINED:
        assert would_go(old.messenger, old.settings, name, **ALL_FOR_A_MONTH)[0] == 1
    assert (old.files(), len(old.jobs()), rows_of(old.messenger.engine, "job_attempts")) == (files, 1, 1)


def asset_of(old: Old, days: int, **values: Any) -> Asset:
    path = f"{USER}/assets/{uuid4()}/content"
    old.put(path, 5)
    facts = {"kind": AssetKind.OTHER, "media_type": "a/b", "size_bytes": 5, "hash": path, "path": path, "name": path}
    with transaction(old.messenger.engine) as session:
        asset = Asset(user_id=USER, **{**facts, **values})
        session.add(asset)
        session.flush()
        session.exec(
            update(Asset).where(col(Asset.id) == asset.id).values(created_at=func.now() - timedelta(days=days))
        )
    return asset


def test_an_asset_goes_once_no_job_took_it_for_long(old: Old) -> None:
    unused, taken, waited_for = (asset_of(old, 40) for _ in range(3))
    asset_of(old, 10)
    lately, waiting = old.cancelled(10), submitted(old.messenger)
    old.change(waiting, created_at=func.now() - timedelta(days=50))
    with transaction(old.messenger.engine) as session:
        session.add(AssetUse(asset_id=taken.id, job_id=lately))
        session.add(AssetUse(asset_id=waited_for.id, job_id=waiting))
    assert would_go(old.messenger, old.settings, "assets", retention_assets=MONTH) == (1, 5)
    assert clean(old, "assets") == 1
    with transaction(old.messenger.engine) as session:
        assert unused.id not in set(session.exec(select(Asset.id)))
    assert (len(old.files()), old.notes()) == (3, [])


def test_an_asset_with_an_end_is_kept_until_then(old: Old) -> None:
    asset_of(old, 400, expires_at=func.now() + timedelta(days=1))
    assert clean(old, "assets") == 0
