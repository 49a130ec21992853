"""A PostgreSQL that answers and refuses: rows by what is in them, all that a table is asked, or all writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from tests.lent_database import PASSWORD, as_user, new_name

OF_WHAT_IS_WRITTEN = "22000"


@contextmanager
def refusing(engine: Engine, table: str, condition: str = "true", state: str = OF_WHAT_IS_WRITTEN) -> Iterator[None]:
    """The database takes no row of that table for which that holds. `state` is the SQLSTATE that it says then."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN"
            f" RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP FUNCTION refuse CASCADE")


@contextmanager
def plain_user(engine: Engine) -> Iterator[str]:
    """The URL of the same database for a user with all rights on all tables, which is no superuser: what is revoked
    holds for them."""
    name = new_name()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        for kind in ("TABLES", "SEQUENCES"):
            connection.exec_driver_sql(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {name}")
    try:
        yield as_user(engine.url.render_as_string(hide_password=False), name, PASSWORD)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")


@contextmanager
def without_table(engine: Engine, table: str) -> Iterator[None]:
    """A table is away, as while somebody restores it."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")
