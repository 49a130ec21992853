"""How a browser is let in: the code of a link that signs it in once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, LargeBinary, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from shared.database.columns import moment, of_a_user


class SignInCode(SQLModel, table=True):
    """One row of `sign_in_codes`: it signs one browser in, once, with these scopes. Only its SHA-256 is kept."""

    __tablename__ = "sign_in_codes"

    code_hash: bytes = Field(sa_column=Column("code_hash", LargeBinary, primary_key=True))
    user_id: UUID = Field(sa_column=of_a_user())
    scopes: list[str] = Field(sa_column=Column("scopes", ARRAY(String(32)), nullable=False))
    expires_at: datetime = Field(sa_column=moment("expires_at", nullable=False))
