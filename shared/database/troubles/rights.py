"""What services may do with the tables is all that they need, or one sentence says what they may not."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ARRAY, Engine, Text, bindparam, text
from sqlmodel import SQLModel

READ_ONLY = "it only reads, as a standby does: name the primary, or set default_transaction_read_only = off"
SHOWN = 3
# In recovery the setting is on as well.
ONLY_READS = text("SELECT current_setting('transaction_read_only') = 'on'")
LACKING = text(
    "SELECT name, to_regclass(name) IS NULL AS is_missing, needed FROM unnest(:tables) AS name"
    " CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS rights (needed, place)"
    " WHERE NOT coalesce(has_table_privilege(to_regclass(name), needed), false) ORDER BY name, place"
).bindparams(bindparam("tables", type_=ARRAY(Text)))
# What a job that is accepted reads and writes. The rest is for later, and for others.
OF_ACCEPTING = frozenset(
    {"api_keys", "generation_jobs", "job_durations", "job_events", "pauses", "user_turns", "users"}
)


class Lack(NamedTuple):
    """What is wrong, in words, and whether any job is accepted meanwhile."""

    problem: str
    accepts_jobs: bool


def lack_of_rights(engine: Engine) -> Lack | None:
    """What the services may not do that they must; None if that is nothing. The tables are those of the models that
    this process has imported. Raises SQLAlchemyError."""
    with engine.connect() as connection:
        if connection.scalar(ONLY_READS):
            return Lack(READ_ONLY, accepts_jobs=False)
        rows = connection.execute(LACKING, {"tables": sorted(SQLModel.metadata.tables)}).all()
    if not rows:
        return None
    missing = {row.name for row in rows if row.is_missing}
    lacking = [f"{row.needed} on {row.name}" for row in rows if not row.is_missing]
    parts = [f"the table {listed(sorted(missing))} is missing" if missing else ""]
    parts.append(f"its user has no right to {listed(lacking)}" if lacking else "")
    accepts_jobs = OF_ACCEPTING.isdisjoint(row.name for row in rows)
    return Lack("; ".join(filter(None, parts)), accepts_jobs)


def listed(found: Collection[str]) -> str:
    """The first few of them, and how many more there are."""
    first, more = list(found)[:SHOWN], len(found) - SHOWN
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
