"""How many pages of its buffers PostgreSQL touches for a deed: the same on a busy machine as on a quiet one."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "EXECUTE")


class PagesRead:
    """Has each statement of an engine explained before it is run, and undoes what explaining it has done."""

    def __init__(self, engine: Engine) -> None:
        self.pages = 0
        event.listen(engine, "before_cursor_execute", self.explain)

    def of(self, deed: Callable[[], object]) -> int:
        self.pages = 0
        deed()
        return self.pages

    def explain(self, connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.lstrip(" (\n").startswith(EXPLAINED):
            return
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor() as cursor:
            if not driver.autocommit:
                cursor.execute("SAVEPOINT explained")
            cursor.execute(EXPLAIN + statement, parameters)
            self.pages += touched(cursor.fetchone()[0][0]["Plan"])
            if not driver.autocommit:
                cursor.execute("ROLLBACK TO SAVEPOINT explained")


def touched(plan: dict[str, Any]) -> int:
    """What a node says counts its children too."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] + plan["Temp Read Blocks"])
