"""What is known of how long jobs take, read from its rows: for one job, or within a statement about many."""

from typing import Any

from sqlalchemy import (
    REAL,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    String,
    bindparam,
    column,
    func,
    select,
    true,
)
from sqlmodel import Session, col

from shared.database.prepared_statement import Prepared
from shared.jobs.durations.expectation import (
    LEAST_FACTOR,
    LEVELS,
    MEDIAN,
    MOST_FACTOR,
    Expectation,
    Kind,
    Known,
    Level,
    expected,
)
from shared.models import GenerationJob, JobDuration

ROWS = 16  # of a level that are read: the latest


def latest(level: Level, job: Any) -> Select[float, list[float]]:
    """The rows of a level that resemble a job, which has the columns of a kind."""
    same = (col(getattr(JobDuration, name)) == getattr(job, name) for name in level.same)
    return (
        select(col(JobDuration.work), col(JobDuration.seconds))
        .where(*same)
        .order_by(col(JobDuration.seen_on).desc())
        .limit(ROWS)
    )


# A job's kind, as parameters.
THIS = Kind(
    **{name: bindparam(f"this_{name}", type_=String) for name in Kind._fields if name != "work"},  # type: ignore[arg-type]
    work=0,
)
READINGS = {level.basis: Prepared(f"known_by_{level.basis.value}", latest(level, THIS), row=Known) for level in LEVELS}


def expectation_of(
    session: Session, job: GenerationJob, server: str | None = None, there: Known | None = None
) -> Expectation | None:
    """How long a job will take, on that server if it is known. None if nothing is known of any that resembles it.
    `there` was read of its kind on that server: nothing wider is asked for."""
    if job.workflow_key is None or job.shape is None or job.work is None:
        return None
    kind = Kind(job.workflow_key, job.shape, job.checkpoint_model, job.work, server)
    if there is not None:
        return expected(kind, lambda *_: [there])
    values = {f"this_{name}": value for name, value in kind._asdict().items()}
    return expected(kind, lambda level, _: READINGS[level.basis].all(session, values))


def median_sql(kinds: FromClause) -> ColumnElement[float]:
    """The median that `expected` gives for each of these, in seconds; NULL where nothing is known. No server is known
    yet."""
    return func.coalesce(*(median_of(level, kinds) for level in LEVELS if "server" not in level.same))


def median_of(level: Level, kinds: FromClause) -> ScalarSelect[float]:
    rows = latest(level, kinds.c).correlate(kinds).subquery("latest")
    each = func.unnest(rows.c.seconds).table_valued(column("time", REAL)).render_derived("each")
    more = func.least(func.greatest(kinds.c.work / rows.c.work, LEAST_FACTOR), MOST_FACTOR)
    seconds = each.c.time * more if level.is_scaled else each.c.time
    middle = func.percentile_cont(MEDIAN).within_group(func.ln(seconds))
    return select(func.exp(middle)).select_from(rows).join(each, true()).correlate(kinds).scalar_subquery()
