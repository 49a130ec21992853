"""Whoever deletes a job looks for what is of it: through an index, or a million times through a table."""

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names every table
from tests.lent_database import of_jobs

JOBS = SQLModel.metadata.tables["generation_jobs"]


def test_each_table_that_refers_to_jobs_finds_them_by_an_index() -> None:
    found = {}
    for column in of_jobs():
        table = column.table
        leading = {str(index.expressions[0]) for index in table.indexes}
        keys = (one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint))
        leading |= {str(next(iter(key.columns))) for key in keys}
        found[str(column)] = str(column) in leading
    assert len(found) == 8
    assert [name for name, is_indexed in found.items() if not is_indexed] == []


def test_no_foreign_key_looks_for_rows_of_each_job_that_is_deleted() -> None:
    keys = (key for table in SQLModel.metadata.tables.values() for key in table.foreign_keys)
    assert [str(key.parent) for key in keys if key.column.table is JOBS] == []
