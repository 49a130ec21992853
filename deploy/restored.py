"""`python -m deploy.restored`: once, after a restore and before the services start. It deletes nothing.

It moves the ids of jobs on, beyond those that were given after the moment that was restored, and says what the rows
cannot know of the time after it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from shared.imports import importing

with importing():
    from sqlalchemy import Engine, func, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlmodel import col, select

    from shared.configuration.settings import Settings, settings_or_exit
    from shared.configuration.types import in_words
    from shared.database.connected import connected_services
    from shared.database.engine import create_engine, reading, transaction
    from shared.database.schema import exit_unless_migrated
    from shared.jobs.urls import number_in
    from shared.models import HELD, GenerationJob, JobStatus
    from shared.storage.opening import storage_or_exit
    from shared.storage.store import OutputStore

APPLICATION = "restored"
SPARE = 10_000  # ids: jobs without a file leave no trace in the store
LEVELS = 4  # of folders above those of jobs: user, year, month, day

LAST_GIVEN = text("SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('generation_jobs', 'id')), 0)")
MOVE_ON = text("SELECT setval(pg_get_serial_sequence('generation_jobs', 'id'), :last)")


class Found(NamedTuple):
    """`unknown` are the numbers in the store that no row has, the largest of all is `largest`."""

    last_given: int
    largest: int
    unknown: Sequence[int]
    held: int
    waiting: int


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.restored",
        description=__doc__,
        epilog="Exit status: 0 done, 1 not done, 2 a setting is wrong.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--spare", type=int, default=SPARE, help=f"ids that are left out, {SPARE} by default")
    spare = parser.parse_args().spare
    settings = settings_or_exit()
    store = storage_or_exit(settings).store
    exit_unless_migrated(settings, application=APPLICATION)
    engine = create_engine(settings, application=APPLICATION, connections=1)
    try:
        for line in after_restore(engine, store, settings, spare=max(spare, 1)):
            sys.stdout.write(f"{line}\n")
    except StillAtWork as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (SQLAlchemyError, OSError) as error:
        sys.stderr.write(f"{str(getattr(error, 'orig', error)).strip()}\n")
        return 1
    finally:
        engine.dispose()
    return 0


class StillAtWork(Exception):
    """Services are connected. They may have given ids already that others have too."""


def after_restore(engine: Engine, store: OutputStore, settings: Settings, *, spare: int) -> Iterator[str]:
    """Move the ids on, and say what is not known. Raises StillAtWork."""
    with reading(engine) as session:
        if names := connected_services(session):
            raise StillAtWork(f"Stop these first, they are connected to this database: {', '.join(names)}")
    found = look(engine, store)
    first = max(found.largest, found.last_given) + spare + 1
    with transaction(engine) as session:
        session.execute(MOVE_ON, {"last": first - 1})
    yield f"The next job has the number {first}: clients may remember smaller ones that are not in these rows."
    yield from not_known(found, settings)


def look(engine: Engine, store: OutputStore) -> Found:
    largest, unknown = 0, []
    for ids in numbers_by_day(store):
        largest = max(largest, *ids)
        with reading(engine) as session:
            known = set(session.scalars(select(GenerationJob.id).where(col(GenerationJob.id).in_(ids))))
        unknown += [number for number in ids if number not in known]
    with reading(engine) as session:
        status = col(GenerationJob.status)
        held = select(func.count()).select_from(GenerationJob).where(status.in_(sorted(HELD)))
        waits = status.in_([JobStatus.QUEUED, JobStatus.PENDING])
        waiting = select(func.count()).select_from(GenerationJob).where(waits)
        last_given = session.scalars(LAST_GIVEN).one()
        return Found(last_given, largest, unknown, session.scalars(held).one(), session.scalars(waiting).one())


def numbers_by_day(store: OutputStore, folder: str = "", level: int = 0) -> Iterator[list[int]]:
    """The numbers of the jobs that have a folder in the store, those of one user and day together."""
    names = store.folders(folder)
    if level == LEVELS:
        if numbers := [number for name in names if (number := number_in(name)) is not None]:
            yield numbers
        return
    for name in names:
        yield from numbers_by_day(store, f"{folder}/{name}".removeprefix("/"), level + 1)


def not_known(found: Found, settings: Settings) -> Iterator[str]:
    yield f"{found.held} jobs were running then: each is looked for in ComfyUI before anything is sent there."
    if found.held or found.waiting:
        yield (
            f"Whether these, or the {found.waiting} that waited, have ended since is not in the rows. "
            + (
                "What ComfyUI's history still has of those that were running is collected, and not made again."
                if settings.comfyui_keep_history
                else "COMFYUI_KEEP_HISTORY is off: those that have ended since are no longer in ComfyUI's history, and "
                "run again."
            )
        )
        yield "Those that waited then run, also where they ran since: nothing names the prompts that they had."
    if found.unknown:
        kept = settings.retention_orphans
        until = f"for {in_words(kept)} from when they were written" if kept else "for ever"
        yield (
            f"{len(found.unknown)} jobs have files in the store and no row, such as {found.unknown[0]}: they were "
            f"accepted after that moment, or deleted before it. Their files are kept {until} (RETENTION_ORPHANS)."
        )
    yield "Jobs that were accepted after that moment and have no file are not known at all: clients submit them again."


if __name__ == "__main__":
    sys.exit(main())
