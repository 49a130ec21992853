"""Rows whose file is not there: they are told of and left as they are, as a store may come back."""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from sqlalchemy import text

from shared.database.engine import reading
from shared.storage.store import has
from worker_service.cleanup.portion import Portion, Tools

log = structlog.get_logger(__name__)

WINDOW = 500
SHOWN = 5  # of a portion, in the log

OUTPUTS = text("""
SELECT job_id AS id, number, path, size_bytes, created_at FROM job_outputs
WHERE (job_id, number) > (CAST(:id AS integer), CAST(:number AS integer)) ORDER BY job_id, number LIMIT :window
""")
ASSETS = text("""
SELECT id, 0 AS number, path, size_bytes, created_at FROM assets
WHERE id > CAST(:id AS uuid) ORDER BY id LIMIT :window
""")
FIRST_OUTPUT, FIRST_ASSET = "outputs/0/-1", "assets/00000000-0000-0000-0000-000000000000/0"


def missing_files(tools: Tools, place: str | None) -> Iterator[Portion]:
    """Raises OSError where rows name files and none can be read at all: then none is known to be missing."""
    place = place or FIRST_OUTPUT
    if place.startswith("outputs/"):
        yield from pages(tools, place)
        place = FIRST_ASSET
    yield from pages(tools, place)


def pages(tools: Tools, place: str) -> Iterator[Portion]:
    while True:
        table, row_id, number = place.split("/")
        given = {"id": row_id, "number": number, "window": WINDOW}
        with reading(tools.engine) as session:
            rows = session.connection().execute(OUTPUTS if table == "outputs" else ASSETS, given).all()
        if not rows:
            return
        if reason := tools.store.unreadable():
            raise OSError(f"files that rows name cannot be looked for in the store: {reason}")
        place = f"{table}/{rows[-1].id}/{rows[-1].number}"
        lost = [row for row in rows if not has(tools.store, row.path)]
        tell(lost)
        oldest = min((row.created_at for row in lost), default=None)
        yield Portion([row.path for row in lost], sum(row.size_bytes for row in lost), oldest, place)


def tell(lost: Sequence[Any]) -> None:
    if lost:
        log.warning("files.missing", count=len(lost), paths=[row.path for row in lost[:SHOWN]])
