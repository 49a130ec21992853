"""`python -m migrations`: bring the database of the settings up to date, or to the revision that is named."""

import argparse
import logging
import sys
from datetime import timedelta
from functools import partial

from shared.imports import importing

with importing():
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from migrations.command_line import prepare
    from migrations.losses import refuse_to_lose
    from migrations.upgrade import current, downgrade, loss_of, upgrade
    from shared.database.engine import patiently
    from shared.texts.reasons import driver_reason

log = logging.getLogger("migrations")


def main() -> int:
    arguments = parse()
    database_url = prepare().database_url
    try:
        if arguments.wait:
            patiently(partial(current, database_url), patience=timedelta(seconds=arguments.wait))
        if arguments.current:
            sys.stdout.write(f"{current(database_url) or 'base'}\n")
        else:
            migrate(database_url, arguments)
    except (CommandError, SQLAlchemyError) as error:
        # Of a failed statement only what PostgreSQL said: the statements here fill screens.
        log.error("Failed: %s", driver_reason(error))  # noqa: TRY400
        return 1
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m migrations",
        description="Bring the database of DATABASE_URL (or DATABASE_URL_<APP_ENV>) up to date. "
        "Each revision is one transaction: one that fails leaves nothing behind.",
    )
    parser.add_argument("revision", nargs="?", help="where to go; `head`, the newest, unless said otherwise")
    parser.add_argument("--downgrade", action="store_true", help="go down; to `base` is before the first")
    parser.add_argument("--yes-delete", action="store_true", help="go down although that deletes rows")
    parser.add_argument("--current", action="store_true", help="only say where the database is")
    parser.add_argument("--wait", type=float, metavar="SECONDS", help="for a database that does not answer yet")
    arguments = parser.parse_args()
    if arguments.downgrade and not arguments.revision:
        parser.error("--downgrade wants the revision to go down to")
    return arguments


def migrate(database_url: str, arguments: argparse.Namespace) -> None:
    before = current(database_url) or "base"
    if arguments.downgrade:
        if not arguments.yes_delete:
            refuse_to_lose(loss_of(database_url, arguments.revision), "--yes-delete")
        downgrade(database_url, arguments.revision)
    else:
        upgrade(database_url, arguments.revision or "head")
    after = current(database_url) or "base"
    if before == after:
        log.info("The database is at %s already", after)
    else:
        log.info("The database went from %s to %s", before, after)


if __name__ == "__main__":
    sys.exit(main())
