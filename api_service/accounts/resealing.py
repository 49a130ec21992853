"""`python -m api_service.accounts.resealing`: encrypt again, with the first key, what older keys have encrypted.

After it no row needs the older keys, so their lines can be removed from the file of SECRETS_KEY_FILE.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from shared.imports import importing

with importing():
    from sqlalchemy import Engine, update
    from sqlalchemy.exc import SQLAlchemyError
    from sqlmodel import col, select

    from shared.configuration.secrets.vault import NoVault, Vault
    from shared.configuration.settings import settings_or_exit
    from shared.database.engine import create_engine, reading, transaction
    from shared.database.schema import exit_unless_migrated
    from shared.models import ComfyUIServer, GenerationJob

APPLICATION = "resealing"
PAGE = 500


class Place(NamedTuple):
    """A column with what is encrypted, of the rows that this tells apart."""

    what: str
    row: Any
    column: Any


PLACES = (
    Place("secrets of jobs", col(GenerationJob.id), col(GenerationJob.secrets)),
    Place("credentials of servers", col(ComfyUIServer.name), col(ComfyUIServer.credentials)),
)


class Resealed(NamedTuple):
    """Of one place: how many rows were encrypted again, were already, and cannot be read with any key."""

    what: str
    renewed: int
    current: int
    unreadable: int

    def __str__(self) -> str:
        told = f"{self.what}: {self.renewed} encrypted again, {self.current} had the first key already"
        return f"{told}, {self.unreadable} are of no key in the file" if self.unreadable else told


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m api_service.accounts.resealing",
        description=__doc__,
        epilog="Exit status: 0 done, 1 not done, or rows are left that no key opens, 2 a setting is wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    settings = settings_or_exit()
    exit_unless_migrated(settings, application=APPLICATION)
    vault, engine = Vault(settings.secrets_key_file), create_engine(settings, application=APPLICATION, connections=1)
    if settings.secrets_key_file is None or vault.problem():
        sys.stderr.write(f"{vault.problem() or 'SECRETS_KEY_FILE is not set: there is no key to encrypt with'}\n")
        return 1
    try:
        found = [reseal(engine, vault, place) for place in PLACES]
    except SQLAlchemyError as error:
        sys.stderr.write(f"{str(getattr(error, 'orig', error)).strip()}\n")
        return 1
    finally:
        engine.dispose()
    sys.stdout.write("".join(f"{resealed}\n" for resealed in found))
    return 1 if any(resealed.unreadable for resealed in found) else 0


def reseal(engine: Engine, vault: Vault, place: Place) -> Resealed:
    """Row by row, so that it holds up nobody; a row that changes meanwhile has the first key by that."""
    renewed = current = unreadable = 0
    for row, sealed in sealed_rows(engine, place):
        try:
            again = vault.renewed(sealed)
        except NoVault:
            unreadable += 1
            continue
        if again is None:
            current += 1
            continue
        with transaction(engine) as session:
            is_as_it_was = (place.row == row, place.column == sealed)
            session.execute(update(place.column.class_).where(*is_as_it_was).values({place.column: again}))
        renewed += 1
    return Resealed(place.what, renewed, current, unreadable)


def sealed_rows(engine: Engine, place: Place) -> Iterator[tuple[Any, str]]:
    """In pages, by what tells the rows apart."""
    after: Any = None
    while True:
        page = select(place.row, place.column).where(place.column.is_not(None)).order_by(place.row).limit(PAGE)
        with reading(engine) as session:
            rows = session.execute(page if after is None else page.where(place.row > after)).all()
        yield from ((row, sealed) for row, sealed in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


if __name__ == "__main__":
    sys.exit(main())
