"""How many jobs ended how, and how long they took: counted as they end, so that nobody counts a million rows."""

from datetime import date
from uuid import UUID

from sqlalchemy import Column, Date, Integer, SmallInteger, Uuid
from sqlmodel import Field, SQLModel

from shared.database.columns import word
from shared.models.jobs.status import JobStatus


class JobStatistic(SQLModel, table=True):
    """One row of `job_statistics`: how many jobs of a user, accepted on a day (UTC), ended with a
    status, after about as long.

    `bucket` is the time from start to end on a logarithmic scale, see `shared.jobs.statistics`; -1 for jobs that were
    never started. What is deleted later stays counted.
    """

    __tablename__ = "job_statistics"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, primary_key=True))
    day: date = Field(sa_column=Column("day", Date, primary_key=True))
    status: JobStatus = Field(sa_column=word("status", JobStatus, primary_key=True))
    bucket: int = Field(sa_column=Column("bucket", SmallInteger, primary_key=True, autoincrement=False))
    jobs: int = Field(sa_column=Column("jobs", Integer, nullable=False))
