"""Each index is there and valid, and autovacuum keeps up with what the tables leave behind."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlmodel import Session, SQLModel

import shared.models  # noqa: F401 - names all tables to the metadata
from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.database.engine import reading
from shared.database.schema import schema_problem

SUBJECT = "database"
MANY_DEAD = 100_000  # rows, and half as many as live ones: those of the alert DeadRowsPileUp

INDEXES = text(
    "SELECT class.relname, indisvalid FROM pg_index"
    " JOIN pg_class class ON class.oid = indexrelid JOIN pg_namespace space ON space.oid = class.relnamespace"
    " WHERE space.nspname = current_schema()"
)
DEAD_ROWS = text(
    "SELECT relname, n_dead_tup FROM pg_stat_user_tables"
    " WHERE n_dead_tup > :most AND n_dead_tup > 0.5 * n_live_tup ORDER BY n_dead_tup DESC LIMIT 5"
)
NOT_VACUUMED = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND 'autovacuum_enabled=false' = ANY (reloptions)"
)


def look(installation: Installation) -> Iterator[Finding]:
    is_ours = schema_problem(installation.engine) is None
    with reading(installation.engine) as session:
        if is_ours:  # another schema has other indexes
            yield from indexes(session)
        yield from vacuuming(session)


def indexes(session: Session) -> Iterator[Finding]:
    there = {row.relname: row.indisvalid for row in session.execute(INDEXES)}
    wanted = {str(index.name): table.name for table in SQLModel.metadata.tables.values() for index in table.indexes}
    missing = sorted(wanted.keys() - there.keys())
    for name in missing:
        yield trouble(
            SUBJECT, f"the index {name} of {wanted[name]} is missing", "Make it as the migration did that has it"
        )
    invalid = sorted(name for name, is_valid in there.items() if not is_valid)
    for name in invalid:
        yield trouble(SUBJECT, f"the index {name} is not valid", f"Run REINDEX INDEX CONCURRENTLY {name}")
    if not missing and not invalid:
        yield ok(SUBJECT, f"its {len(wanted)} indexes are there")


def vacuuming(session: Session) -> Iterator[Finding]:
    if session.scalar(text("SELECT current_setting('autovacuum')")) == "off":
        yield trouble(SUBJECT, "autovacuum is off: its tables grow for ever", "Set autovacuum = on")
    for (name,) in session.execute(NOT_VACUUMED):
        advice = f"ALTER TABLE {name} RESET (autovacuum_enabled)"
        yield warning(SUBJECT, f"autovacuum is off for the table {name}", advice)
    dead = session.execute(DEAD_ROWS, {"most": MANY_DEAD}).all()
    for name, rows in dead:
        advice = f"End transactions that have been open for long, then VACUUM (ANALYZE) {name}"
        yield warning(SUBJECT, f"{rows} dead rows are in {name}", advice)
    if not dead:
        yield ok(SUBJECT, "no table is full of dead rows")
