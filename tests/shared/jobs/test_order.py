"""What comes first is said once: the index of the queue has the order that claims ask for."""

from sqlalchemy import select
from sqlmodel import col

from shared.database.prepared_call import DIALECT
from shared.jobs.claim.order import COLUMNS, first_comes
from shared.models import GenerationJob

TABLE = GenerationJob.__table__  # type: ignore[attr-defined]


def test_the_index_of_the_queue_has_the_order_of_claims() -> None:
    (index,) = (one for one in TABLE.indexes if one.name == "ix_generation_jobs_claim")
    indexed = [str(expression).split(".")[-1] for expression in index.expressions]
    ordered = [str(one.compile(dialect=DIALECT)).split(".")[-1] for one in first_comes()]
    assert indexed == ordered


def test_the_order_needs_no_other_columns_than_it_names() -> None:
    jobs = select(*(col(getattr(GenerationJob, name)) for name in COLUMNS)).subquery("jobs")
    assert [str(one) for one in first_comes(jobs.c)] == ["jobs.priority DESC", "jobs.turn", "jobs.id"]
