"""Notes are added up by day, a few thousand at a time; what was used is the days and the notes, read at once."""

from sqlalchemy import Engine, Select, select, text, union_all
from sqlmodel import SQLModel

from shared.database.engine import transaction
from shared.models import UsageDay

AT_ONCE = 5_000
MOST_PAGES = 40  # in one sweep

COLUMNS = (*UsageDay.PARTS, *UsageDay.COUNTS)
PARTS_LISTED, ALL_LISTED = ", ".join(UsageDay.PARTS), ", ".join(COLUMNS)
SUMS = ", ".join(f"sum({name})" for name in UsageDay.COUNTS)
MORE = ", ".join(f"{name} = known.{name} + excluded.{name}" for name in UsageDay.COUNTS)

# Days in one order, so that two who do this never wait for each other.
ADD_UP = text(f"""
WITH taken AS (
    DELETE FROM usage_notes
    WHERE ctid = ANY(ARRAY(SELECT ctid FROM usage_notes LIMIT :at_once FOR UPDATE SKIP LOCKED)) RETURNING *
), added AS (
    INSERT INTO usage_days AS known ({ALL_LISTED})
    SELECT {PARTS_LISTED}, {SUMS} FROM taken GROUP BY {PARTS_LISTED} ORDER BY {PARTS_LISTED}
    ON CONFLICT ({PARTS_LISTED}) DO UPDATE SET {MORE}
)
SELECT count(*) FROM taken
""")  # noqa: S608 - ours


def add_up(engine: Engine) -> int:
    """Add the notes that there are to their days. Two who do this at once take different ones. Returns how many."""
    added = 0
    for _ in range(MOST_PAGES):
        with transaction(engine) as session:
            page = int(session.connection().scalar(ADD_UP, {"at_once": AT_ONCE}) or 0)
        added += page
        if page < AT_ONCE:
            break
    return added


def usage_rows(table: str) -> Select[*tuple[object, ...]]:
    columns = SQLModel.metadata.tables[table].c
    return select(*(columns[name] for name in COLUMNS))


# A note that is added up meanwhile is in one of the two, as one statement sees the rows of one moment.
USED = union_all(usage_rows("usage_days"), usage_rows("usage_notes")).subquery("used")
