"""The statements of a job's life can be read as PostgreSQL gets them: in shared/jobs/sql, written by `make sql`."""

import re
from pathlib import Path

import pytest

from shared.database.prepared_statement import Prepared, compiled
from shared.jobs import sql
from shared.jobs.sql.layout import laid_out
from shared.jobs.sql.statements import STATEMENTS, rendered

FOLDER = Path(sql.__path__[0])


def without_blanks(statement: str) -> str:
    return re.sub(r"\s", "", statement)


@pytest.mark.parametrize("name", [f"{name}.sql" for name in STATEMENTS])
def test_a_statement_is_in_its_file(name: str) -> None:
    assert (FOLDER / name).read_text() == rendered()[name], "the statement has changed: run `make sql`"


def test_there_are_no_other_files() -> None:
    assert {path.name for path in FOLDER.glob("*.sql")} == {f"{name}.sql" for name in STATEMENTS}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_layout_changes_nothing_but_blanks(name: str) -> None:
    statement = STATEMENTS[name].statement
    text = (statement.compiled if isinstance(statement, Prepared) else compiled(statement)).string
    assert without_blanks(laid_out(text)) == without_blanks(text)
