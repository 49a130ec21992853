"""Which ended jobs are older than their owner's jobs are kept, page by page over the index of each owner's list."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import TextClause, text

from shared.accounts.retention import Keeper, Kept, keepers
from shared.database.engine import reading
from shared.models import FINAL
from worker_service.cleanup.portion import Find, Portion, Tools

WINDOW = 1000  # jobs that are looked at in one statement, and go in one transaction
FROM_THE_FIRST = ("-infinity", 0)

OWNS_OLD_ONES = """EXISTS (
    SELECT FROM generation_jobs WHERE user_id = keepers.id AND created_at <= now() - keepers.age
)"""
# What ended long ago was made long ago: `created_at` finds it in the index, the end decides.
LOOK = """
SELECT id, created_at, ended_at, goes, CASE WHEN goes AND :sized THEN ({size}) ELSE 0 END AS size_bytes FROM (
    SELECT *, ended_at <= now() - :age AND NOT pinned AND ({condition}) AS goes FROM (
        SELECT id, created_at, coalesce(completed_at, updated_at) AS ended_at, pinned, events, batch_id, idempotency_key
        FROM generation_jobs WHERE user_id = :owner AND status = :status AND created_at <= now() - :age
            AND (created_at, id) > (CAST(:created_at AS timestamptz), :id) AND id >= ({first})
        ORDER BY created_at, id LIMIT :window
    ) AS seen
) AS job ORDER BY created_at, id
"""
LIVE = "status IN ('pending', 'queued', 'running', 'cancelling')"


def there_is(rows: str) -> str:
    """The condition that there is such a row. For EXISTS, PostgreSQL may read a whole table for each page."""
    return f"(SELECT true FROM {rows} LIMIT 1) IS NOT NULL"  # noqa: S608 - ours


# The jobs of a request that is sent again are found by the key of the first.
REQUEST_IS_OVER = f"""idempotency_key IS NULL OR batch_id IS NULL OR NOT
    {there_is(f"generation_jobs AS other WHERE other.batch_id = seen.batch_id AND other.{LIVE}")}
"""
NOBODY_NEEDS_IT = f"""({REQUEST_IS_OVER}) AND NOT
    {there_is(f"generation_jobs AS child WHERE child.parent_id = seen.id AND child.{LIVE}")}
"""
OUTPUT_BYTES = "SELECT coalesce(sum(size_bytes), 0) FROM job_outputs WHERE job_id = job.id"
# One file may be the thumbnail of several sizes.
THUMBNAIL_BYTES = """SELECT coalesce(sum(CAST(of_file.size_bytes AS bigint)), 0) FROM (
    SELECT DISTINCT thumbnail.value ->> 'path', thumbnail.value ->> 'size_bytes'
    FROM job_outputs, jsonb_each(thumbnails) AS thumbnail WHERE job_id = job.id
    ) AS of_file (path, size_bytes)"""


def old_jobs(kept: Kept, condition: str, *, size: str = "0", first: str = "0") -> Find:
    """Finds the jobs whose `kept` is older than that is kept, and for which the condition holds of `seen`. None of them
    has a lower number than `first`, so that those are passed over in the index."""
    look = text(LOOK.format(condition=condition, size=size, first=first))

    def find(tools: Tools, _place: str | None) -> Iterator[Portion]:
        for keeper in keepers(tools.engine, kept, tools.usual, owns_some=OWNS_OLD_ONES):
            for status in sorted(FINAL):
                yield from of_owner(tools, look, keeper, status)

    return find


def of_owner(tools: Tools, look: TextClause, keeper: Keeper, status: str) -> Iterator[Portion]:
    """Passes over each job once, also over those that stay: what goes is gone by the next page. A page of which nothing
    goes is a portion too, so that a look over many of them can be stopped."""
    after: tuple[datetime | str, int] = FROM_THE_FIRST
    given = {"owner": keeper.id, "age": keeper.age, "status": status, "sized": tools.sized, "window": WINDOW}
    while True:
        with reading(tools.engine) as session:
            values: dict[str, Any] = {**given, "created_at": after[0], "id": after[1]}
            seen = session.connection().execute(look, values).all()
        goes = [row for row in seen if row.goes]
        oldest = min((row.ended_at for row in goes), default=None)
        yield Portion([row.id for row in goes], sum(int(row.size_bytes) for row in goes), oldest)
        if len(seen) < WINDOW:
            return
        after = seen[-1].created_at, seen[-1].id
