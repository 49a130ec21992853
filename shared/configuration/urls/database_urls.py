"""Where PostgreSQL is, and how its connections are encrypted."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from shared.configuration.urls.secret_urls import AsMade, SecretUrl


def database_url(value: str) -> SecretUrl:
    scheme, _, rest = value.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not urlsplit(f"x://{rest}").path.strip("/"):
        raise ValueError("postgresql://[user[:password]@]host[:port]/database")
    return SecretUrl(f"postgresql+psycopg2://{rest}")


DatabaseUrl = Annotated[SecretUrl, AsMade, BeforeValidator(database_url)]
