"""A database whose clock is far from this machine's."""

from datetime import timedelta
from urllib.parse import urlsplit

from psycopg2 import sql

from deploy.local.postgres import connected

CLOCKS = ("now", "clock_timestamp")
# The columns that the database fills in by its own clock.
FILLED_BY_NOW = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_default = 'now()'
"""


def set_clock(database_url: str, ahead: timedelta) -> None:
    """From the next connection on, the database's clock is so far ahead of this machine's, or behind it; one that
    was set before goes by this one at once."""
    with connected(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS elsewhere")
        for clock in CLOCKS:
            made = "CREATE OR REPLACE FUNCTION elsewhere.{clock}() RETURNS timestamptz LANGUAGE sql AS {body}"
            body = sql.Literal(f"SELECT pg_catalog.{clock}() + interval '{ahead.total_seconds()} seconds'")
            cursor.execute(sql.SQL(made).format(clock=sql.Identifier(clock), body=body))
        cursor.execute(FILLED_BY_NOW)
        for table, column in cursor.fetchall():
            moved = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT elsewhere.now()")
            cursor.execute(moved.format(sql.Identifier(table), sql.Identifier(column)))
        name = sql.Identifier(urlsplit(database_url).path.lstrip("/"))
        cursor.execute(sql.SQL("ALTER DATABASE {} SET search_path = elsewhere, public, pg_catalog").format(name))
