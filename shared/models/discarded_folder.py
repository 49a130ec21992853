"""Files that no row names any more: noted in the transaction that deleted the row, removed after it."""

from datetime import datetime

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from shared.models.columns import moment


class DiscardedFolder(SQLModel, table=True):
    """One row of `discarded_folders`: a folder of the output store that is to be removed, and its note after it."""

    __tablename__ = "discarded_folders"

    folder: str = Field(sa_column=Column("folder", Text, primary_key=True))
    created_at: datetime = Field(default=None, sa_column=moment("created_at", nullable=False, now=True))
