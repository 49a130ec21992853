"""`python -m deploy.local.load_test_data`: rows as the former system left them, brought through the migrations.

The files have COPY's text format: a row a line, tabs between columns, a header line, nothing for NULL, and
backslashes doubled, with \\t, \\n and \\r for what would break a line. Their columns are the table's, in its order.
"""

import argparse
import sys
from pathlib import Path

from shared.imports import importing

with importing():
    import sqlalchemy as sa
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from deploy.local.process import CannotStart
    from migrations.upgrade import connected, current, upgrade
    from shared.configuration.settings import settings_or_exit

FILES = Path(__file__).parents[2] / "tests" / "data" / "legacy"
TABLES = ("generation_jobs", "comfyui_generation_requests")
LEGACY = "0001_legacy_tables"


class NotEmpty(CannotStart):
    """The database holds something already, which test data must not be mixed with."""


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m deploy.local.load_test_data",
        description="Load tests/data/legacy into the database of DATABASE_URL, which must be empty, and migrate it.",
    ).parse_args()
    try:
        counts = load(settings_or_exit().database_url)
    except (NotEmpty, CommandError, SQLAlchemyError) as error:
        sys.stderr.write(f"Nothing was loaded: {str(getattr(error, 'orig', error)).strip()}\n")
        return 1
    for table, count in counts.items():
        print(f"{table}: {count} rows")
    return 0


def load(database_url: str) -> dict[str, int]:
    """Load and migrate; returns how many rows each file had, and how many jobs there are then. Raises NotEmpty."""
    if (revision := current(database_url)) not in {None, LEGACY}:
        raise NotEmpty(f"the database is at revision {revision} already; test data needs an empty one")
    upgrade(database_url, LEGACY)
    counts = copy(database_url)
    upgrade(database_url)
    with connected(database_url) as connection:
        total = connection.scalar(sa.text("SELECT count(*) FROM generation_jobs"))
    return {**{f"{table}.tsv": count for table, count in counts.items()}, "generation_jobs": total or 0}


def copy(database_url: str) -> dict[str, int]:
    """Both files into their tables, or neither. Returns the rows of each."""
    counts = {}
    with connected(database_url) as connection, connection.begin():
        for table in TABLES:
            if connection.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {table})")):
                raise NotEmpty(f"{table} has rows already; test data needs an empty database")
            cursor = connection.connection.cursor()
            with (FILES / f"{table}.tsv").open(encoding="utf-8", newline="") as file:
                cursor.copy_expert(f"COPY {table} FROM STDIN WITH (FORMAT text, HEADER match, NULL '')", file)
            counts[table] = cursor.rowcount
    return counts


if __name__ == "__main__":
    sys.exit(main())
