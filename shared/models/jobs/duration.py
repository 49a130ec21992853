"""How long the latest jobs of a kind took on a server: what is expected of the next ones."""

from datetime import date

from sqlalchemy import REAL, Column, Date, Float, Index, Integer, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class JobDuration(SQLModel, table=True):
    """One row of `job_durations`: the jobs with one `workflow_key` that a server has completed.

    `seconds` are those of the latest, the newest first, each from the start of its attempt to its end; `jobs` is how
    many there were. `shape`, `checkpoint_model` and `work` are those of the latest, for jobs that only resemble
    it, see `shared.jobs.durations.expectation`. `seen_on` is the day (UTC) of the latest: rows that nobody adds to are
    forgotten.
    """

    __tablename__ = "job_durations"

    workflow_key: str = Field(sa_column=Column("workflow_key", String(16), primary_key=True))
    server: str = Field(sa_column=Column("server", String(255), primary_key=True))
    shape: str = Field(sa_column=Column("shape", String(16), nullable=False))
    checkpoint_model: str | None = Field(default=None, sa_column=Column("checkpoint_model", String(255)))
    work: float = Field(sa_column=Column("work", Float, nullable=False))
    seconds: list[float] = Field(sa_column=Column("seconds", ARRAY(REAL), nullable=False))
    jobs: int = Field(sa_column=Column("jobs", Integer, nullable=False))
    seen_on: date = Field(sa_column=Column("seen_on", Date, nullable=False))

    __table_args__ = (
        # Nothing in them changes but the day, so that a row is added to in its place.
        Index("ix_job_durations_shape", "shape", "seen_on"),
        Index("ix_job_durations_checkpoint", "checkpoint_model", "seen_on"),
        Index("ix_job_durations_seen", "seen_on"),
    )
