"""`python -m worker_service.cleanup`: clean up now, or show what would go. It needs no worker."""

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.imports import importing

with importing():
    from sqlalchemy.exc import SQLAlchemyError

    from shared.accounts.retention import usual_retention
    from shared.configuration.logging import configure_logging
    from shared.configuration.settings import Settings, settings_or_exit
    from shared.configuration.types import in_words
    from shared.database.engine import create_engine
    from shared.database.schema import exit_unless_migrated
    from shared.messaging.opening import open_messenger
    from shared.storage.opening import storage_or_exit
    from worker_service.cleanup.clean_ups import CLEAN_UPS
    from worker_service.cleanup.portion import CleanUp, Tools
    from worker_service.cleanup.run import Cleaner

APPLICATION = "cleanup"
NO_END = timedelta(days=36500)


class Line(NamedTuple):
    """What is said of one clean-up: how many go or have gone, of how many bytes, and the oldest of them."""

    name: str
    number: int | None
    size_bytes: int
    oldest: datetime | None
    what: str


def main() -> None:
    names = [clean_up.name for clean_up in CLEAN_UPS]
    parser = argparse.ArgumentParser(prog="python -m worker_service.cleanup", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="only show what would go")
    parser.add_argument("--only", choices=names, action="append", help="these alone (several: give it again)")
    arguments = parser.parse_args()
    settings = settings_or_exit()
    configure_logging(settings, service=APPLICATION)
    exit_unless_migrated(settings, application=APPLICATION)
    wanted = [clean_up for clean_up in CLEAN_UPS if clean_up.name in (arguments.only or names)]
    tools = tools_of(settings, sized=arguments.dry_run)
    lines = would_go(tools, wanted) if arguments.dry_run else have_gone(tools, wanted)
    sys.stdout.write(f"{'WOULD GO' if arguments.dry_run else 'WENT':<16} {'COUNT':>9} {'BYTES':>15}  OLDEST\n")
    try:
        for line in lines:
            sys.stdout.write(f"{shown(line)}\n")
            sys.stdout.flush()
    except (SQLAlchemyError, OSError) as error:
        sys.stderr.write(f"{getattr(error, 'orig', error)}\n")
        sys.exit(1)


def tools_of(settings: Settings, *, sized: bool) -> Tools:
    engine = create_engine(settings, application=APPLICATION, connections=2)
    store = storage_or_exit(settings).store
    return Tools(
        open_messenger(engine, settings), store, usual_retention(settings), settings.retention_orphans, sized=sized
    )


def would_go(tools: Tools, clean_ups: Sequence[CleanUp]) -> Iterator[Line]:
    """Look for everything as a clean-up does, and remove nothing."""
    for clean_up in clean_ups:
        number = size_bytes = 0
        oldest: datetime | None = None
        for portion in clean_up.find(tools, None):
            number, size_bytes = number + len(portion.items), size_bytes + portion.size_bytes
            oldest = min(filter(None, (oldest, portion.oldest)), default=None)
        yield Line(clean_up.name, number, size_bytes, oldest, what_of(clean_up, tools))


def have_gone(tools: Tools, clean_ups: Sequence[CleanUp]) -> Iterator[Line]:
    """Clean up, until nothing is left to go."""
    cleaner = Cleaner(tools, threading.Event(), runs_for=NO_END)
    for clean_up in clean_ups:
        removed = cleaner.do(clean_up, at_once=True)
        if removed is None:
            yield Line(clean_up.name, None, 0, None, "a worker is at it")
        else:
            yield Line(clean_up.name, removed.number, removed.size_bytes, None, what_of(clean_up, tools))


def what_of(clean_up: CleanUp, tools: Tools) -> str:
    if clean_up.remove is None:
        return f"{clean_up.what}; nothing is removed"
    if clean_up.kept is None:
        return clean_up.what
    usual = tools.usual[clean_up.kept]
    return f"{clean_up.what}, after {in_words(usual)}" if usual else f"{clean_up.what}, of users who say when"


def shown(line: Line) -> str:
    number = "-" if line.number is None else str(line.number)
    oldest = f"{line.oldest:%Y-%m-%d %H:%M}" if line.oldest else "-"
    return f"{line.name:<16} {number:>9} {line.size_bytes:>15}  {oldest:<16}  {line.what}"


if __name__ == "__main__":
    main()
