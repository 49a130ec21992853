"""What is to be cleaned up: files that no row names any more, and how far each clean-up has come."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, String, Text, text
from sqlmodel import Field, SQLModel

from shared.database.columns import moment


class DiscardedFolder(SQLModel, table=True):
    """One row of `discarded_folders`: a folder or a file of the output store that is to be removed, and its note after
    it. It is written in the transaction that deletes the row."""

    __tablename__ = "discarded_folders"

    folder: str = Field(sa_column=Column("folder", Text, primary_key=True))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))

    __table_args__ = (Index("ix_discarded_folders_created", "created_at", "folder"),)


class CleanUpState(SQLModel, table=True):
    """One row of `clean_ups`: a line of the table in `worker_service.cleanup.clean_ups`.

    It is due at `due_at`. Until `claimed_until` the `holder` is at it, and nobody else. `place` is where one that was
    interrupted goes on. Since `began_at` it has removed so many rows or files (`removed`), of `size_bytes`; `problem`
    is why it broke off.
    """

    __tablename__ = "clean_ups"

    name: str = Field(sa_column=Column("name", String(50), primary_key=True))
    due_at: datetime = Field(default=None, sa_column=moment("due_at", nullable=False, now=True))
    claimed_until: datetime | None = Field(default=None, sa_column=moment("claimed_until"))
    holder: str | None = Field(default=None, sa_column=Column("holder", String(64)))
    place: str | None = Field(default=None, sa_column=Column("place", Text))
    began_at: datetime | None = Field(default=None, sa_column=moment("began_at"))
    ended_at: datetime | None = Field(default=None, sa_column=moment("ended_at"))
    removed: int = Field(default=0, sa_column=Column("removed", BigInteger, nullable=False, server_default=text("0")))
    size_bytes: int = Field(
        default=0, sa_column=Column("size_bytes", BigInteger, nullable=False, server_default=text("0"))
    )
    problem: str | None = Field(default=None, sa_column=Column("problem", Text))
