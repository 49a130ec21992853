"""What is learned of a job that has completed: how long its attempt took, beside the latest of its kind there."""

from sqlalchemy import CTE, REAL, Date, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, Insert, array, insert
from sqlmodel import col

from shared.models import JobAttempt, JobDuration
from shared.workflows.fingerprint import MOST_WORK

KEPT = 24  # times of a kind and server: fewer forget the past sooner, more know the rare ones better
LEAST_S = 0.001

# What is learned of a job that has ended, of its row.
LEARNED_BY = ("workflow_key", "shape", "checkpoint_model", "work")


def learn_sql(job: CTE) -> Insert:
    """The INSERT, or UPDATE, of what is known of jobs like this one. An attempt that went on with the prompt of another
    does not know when that began. `job` has the columns of its row, as it has just ended."""
    took = func.greatest(func.extract("epoch", func.now() - col(JobAttempt.started_at)), LEAST_S)
    values = {
        **{name: job.c[name] for name in LEARNED_BY},
        "server": job.c.server,
        "seconds": array([cast(took, REAL)]),
        "jobs": literal_column("1"),
        "seen_on": cast(func.timezone("UTC", func.now()), Date),
    }
    learned = (
        select(*values.values())
        .select_from(job)
        .join(JobAttempt, (col(JobAttempt.job_id) == job.c.id) & (col(JobAttempt.attempt) == job.c.attempt))
        .where(~col(JobAttempt.adopted), job.c.shape.is_not(None), job.c.work.between(1, MOST_WORK))
    )
    statement = insert(JobDuration).from_select(list(values), learned)
    new = statement.excluded
    latest = func.array_cat(new.seconds, col(JobDuration.seconds), type_=ARRAY(REAL))
    return statement.on_conflict_do_update(
        index_elements=["workflow_key", "server"],
        set_={
            **{name: new[name] for name in LEARNED_BY if name != "workflow_key"},
            "seconds": latest[1:KEPT],
            "jobs": JobDuration.jobs + 1,
            "seen_on": new.seen_on,
        },
    )
