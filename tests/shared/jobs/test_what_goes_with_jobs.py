"""What is of a job goes with it, whoever deletes it and however many at once: no table has a row whose job is gone."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.jobs.deletion import delete_jobs
from shared.messaging.messenger import Messenger
from tests.jobs import USER, submitted
from tests.lent_database import WHOSE_JOB_IS_GONE, of_jobs
from tests.worker_service.waiting import until

ROWS = {
    "job_events": "INSERT INTO job_events (job_id, sequence, type, attempt) VALUES (:job, 7, 'queued', 0)",
    "job_attempts": """INSERT INTO job_attempts (job_id, attempt, worker_id, server, comfyui_prompt_id, adopted)
        VALUES (:job, 7, 'w', 's', 'p', false)""",
    "job_outputs": """INSERT INTO job_outputs
        (job_id, number, kind, node_id, filename, path, media_type, size_bytes, sha256)
        VALUES (:job, 0, 'image', '9', 'a.png', CAST(:id AS text), 'image/png', 1, '0')""",
    "job_webhooks": "INSERT INTO job_webhooks (job_id, url) VALUES (:job, 'https://x.example/')",
    "native_prompts": "INSERT INTO native_prompts (job_id, user_id, prompt_id) VALUES (:job, :user, :id)",
    "imported_jobs": "INSERT INTO imported_jobs (job_id, user_id, source) VALUES (:job, :user, CAST(:id AS text))",
    "asset_uses": """WITH asset AS (
            INSERT INTO assets (id, user_id, name, kind, media_type, size_bytes, hash, path)
            VALUES (:id, :user, CAST(:id AS text), 'image', 'image/png', 1, 'h', 'p') RETURNING id
        ) INSERT INTO asset_uses (job_id, asset_id) SELECT :job, id FROM asset""",
}
COUNT = " UNION ALL ".join(f"SELECT '{table}', job_id FROM {table}" for table in ROWS)


def furnished(messenger: Messenger, jobs: int) -> list[int]:
    """Jobs with a row in each table that names one, each the parent of the next."""
    made = [submitted(messenger) for _ in range(jobs)]
    with messenger.engine.begin() as connection:
        for job in made:
            for statement in ROWS.values():
                connection.execute(text(statement), {"job": job, "user": USER, "id": str(uuid4())})
        for parent, child in pairwise(made):
            connection.execute(
                text("UPDATE generation_jobs SET parent_id = :parent WHERE id = :id"), {"parent": parent, "id": child}
            )
    return made


def left(messenger: Messenger) -> dict[str, set[int]]:
    """The jobs of the rows in each table."""
    found: dict[str, set[int]] = {table: set() for table in ROWS}
    with messenger.engine.begin() as connection:
        for table, job in connection.exec_driver_sql(COUNT):
            found[table].add(job)
        assert connection.exec_driver_sql(WHOSE_JOB_IS_GONE).all() == []
    return found


def parents(messenger: Messenger) -> dict[int, int | None]:
    with messenger.engine.begin() as connection:
        return {
            row.id: row.parent_id for row in connection.exec_driver_sql("SELECT id, parent_id FROM generation_jobs")
        }


def test_each_table_that_names_jobs_is_tried() -> None:
    assert {column.table.name for column in of_jobs()} == {*ROWS, "generation_jobs"}


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_is_of_jobs_goes_with_them_and_nothing_else(messenger: Messenger, at_once: int) -> None:
    jobs = furnished(messenger, 5)
    gone, kept = jobs[:at_once], jobs[at_once:]
    with messenger.engine.begin() as connection:
        connection.execute(text("DELETE FROM generation_jobs WHERE id = ANY(:ids)"), {"ids": gone})
    assert left(messenger) == {table: set(kept) for table in ROWS}
    assert parents(messenger) == {kept[0]: None, **dict(zip(kept[1:], kept, strict=False))}


def test_a_statement_that_deletes_no_job_takes_nothing(messenger: Messenger) -> None:
    jobs = furnished(messenger, 1)
    with messenger.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM generation_jobs WHERE id < 0")
    assert left(messenger) == {table: set(jobs) for table in ROWS}


def test_who_takes_it_back_has_all_of_it_again(messenger: Messenger) -> None:
    jobs = furnished(messenger, 2)
    with messenger.engine.connect() as connection:
        connection.exec_driver_sql("DELETE FROM generation_jobs")
        connection.rollback()
    assert left(messenger) == {table: set(jobs) for table in ROWS}
    assert parents(messenger) == {jobs[0]: None, jobs[1]: jobs[0]}


def test_who_empties_the_table_of_jobs_empties_theirs(messenger: Messenger) -> None:
    furnished(messenger, 2)
    with messenger.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE generation_jobs")
    assert left(messenger) == {table: set() for table in ROWS}


def test_what_is_written_while_its_job_is_deleted_goes_too(messenger: Messenger) -> None:
    """As all do who write such rows: under the lock of a job that they have changed."""
    (job,) = furnished(messenger, 1)

    def delete() -> None:
        with messenger.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM generation_jobs")

    with ThreadPoolExecutor(1) as pool:
        with messenger.engine.begin() as writing:
            writing.exec_driver_sql("UPDATE generation_jobs SET events = events + 1")
            deleting = pool.submit(delete)
            until(lambda: waits_for_a_lock(messenger))
            writing.execute(
                text("INSERT INTO job_events (job_id, sequence, type, attempt) VALUES (:job, 8, 'queued', 0)"),
                {"job": job},
            )
        deleting.result(30)
    assert left(messenger) == {table: set() for table in ROWS}


def test_who_deletes_a_job_and_who_ends_its_repeat_never_wait_for_each_other(messenger: Messenger) -> None:
    """An end changes its job, and then what its user has stored."""
    parent, child = furnished(messenger, 2)
    with messenger.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE generation_jobs SET status = 'completed'")

    def delete() -> int:
        with messenger.transaction() as session:
            return len(delete_jobs(session, [parent]).jobs)

    with ThreadPoolExecutor(1) as pool:
        with messenger.engine.begin() as ending:
            ending.execute(text("UPDATE generation_jobs SET events = events + 1 WHERE id = :id"), {"id": child})
            deleting = pool.submit(delete)
            until(lambda: waits_for_a_lock(messenger))
            ending.execute(text("UPDATE users SET stored_bytes = stored_bytes + 7 WHERE id = :id"), {"id": USER})
        assert deleting.result(30) == 1
    assert parents(messenger) == {child: None}


def waits_for_a_lock(messenger: Messenger) -> bool:
    with messenger.engine.begin() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(found.scalar_one()) > 0
