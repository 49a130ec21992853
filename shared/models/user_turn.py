"""How far a user has come in the queue of one priority: the share of the servers that was given out to them."""

from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Uuid
from sqlmodel import Field, SQLModel

from shared.models.columns import seconds


class UserTurn(SQLModel, table=True):
    """One row of `user_turns`, of a user and a priority. Seconds of a server, divided by the user's weight.

    `finish` is where the user's next job would come if it came at once; `clock` is how far all users had come when this
    one last submitted a job. See `shared.jobs.turns`.
    """

    __tablename__ = "user_turns"

    user_id: UUID = Field(sa_column=Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True))
    priority: int = Field(sa_column=Column("priority", SmallInteger, primary_key=True))
    finish: float = Field(sa_column=seconds("finish"))
    clock: float = Field(sa_column=seconds("clock"))

    __table_args__ = (
        Index("ix_user_turns_clock", "priority", "clock"),
        Index("ix_user_turns_finish", "priority", "finish"),
    )
