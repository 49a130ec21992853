"""Where PostgreSQL is, and how its connections are encrypted."""

from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator

from shared.configuration.urls.secret_urls import AsMade, SecretUrl


def database_url(value: str) -> SecretUrl:
    scheme, _, rest = value.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not urlsplit(f"x://{rest}").path.strip("/"):
        raise ValueError("postgresql://[user[:password]@]host[:port]/database")
    named = parse_qs(urlsplit(f"x://{rest}").query).get("sslrootcert", ["system"])[0]
    if named != "system" and not Path(named).is_file():
        raise ValueError(f"a file that is there, or system, as sslrootcert; {named} is none")
    return SecretUrl(f"postgresql+psycopg2://{rest}")


DatabaseUrl = Annotated[SecretUrl, AsMade, BeforeValidator(database_url)]
