"""Whoever deletes a job looks for what refers to it: through an index, or a million times through a table."""

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import SQLModel

import shared.models  # noqa: F401 - names every table


def test_each_table_that_refers_to_jobs_finds_them_by_an_index() -> None:
    jobs = SQLModel.metadata.tables["generation_jobs"]
    found = {}
    for table in SQLModel.metadata.tables.values():
        leading = {str(index.expressions[0]) for index in table.indexes}
        keys = (one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint))
        leading |= {str(next(iter(key.columns))) for key in keys}
        for key in table.foreign_keys:
            if key.column.table is jobs:
                found[str(key.parent)] = str(key.parent) in leading
    assert len(found) >= 7
    assert [name for name, is_indexed in found.items() if not is_indexed] == []
