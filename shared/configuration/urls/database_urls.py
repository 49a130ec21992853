"""Where PostgreSQL is, and how its connections are encrypted."""

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, BeforeValidator, Field

from shared.configuration.urls.secret_urls import AsMade, SecretUrl


def database_url(value: str) -> SecretUrl:
    scheme, _, rest = value.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not urlsplit(f"x://{rest}").path.strip("/"):
        raise ValueError("postgresql://[user[:password]@]host[:port]/database")
    named = parse_qs(urlsplit(f"x://{rest}").query).get("sslrootcert", ["system"])[0]
    if named != "system" and not Path(named).is_file():
        raise ValueError(f"a file that is there, or system, as sslrootcert; {named} is none")
    return SecretUrl(f"postgresql+psycopg2://{rest}")


def database_url_or_none(value: str | None) -> SecretUrl | None:
    return None if value is None or value.strip().lower() == "none" else database_url(value)


DatabaseUrl = Annotated[SecretUrl, AsMade, BeforeValidator(database_url)]
DatabaseUrlOrNone = Annotated[SecretUrl | None, AsMade, BeforeValidator(database_url_or_none)]


class DatabaseSettings(BaseModel, frozen=True):
    """The part of the settings that says where PostgreSQL is."""

    database_url: DatabaseUrl = Field(description="PostgreSQL, the record of every job")
    database_read_url: DatabaseUrlOrNone = Field(
        None,
        description="a streaming replica of DATABASE_URL's server that the API reads lists and statistics from while "
        "it has all that was committed, or none",
    )
