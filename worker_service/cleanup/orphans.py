"""Files that no row names: found by walking the store folder by folder, removed once they are old enough.

Only what can be told for certain: files of users that are known, and of jobs with numbers that were given out. What
another database has put there is left alone, and so is what this one has forgotten by being restored.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from shared.database.clock import EPOCH, ask_database_time
from shared.database.engine import reading
from shared.files.assets import CONTENT
from shared.models import Asset, DiscardedFolder, Task, User
from shared.storage.store import StoredEntry
from shared.workflows.references import id_of
from worker_service.cleanup.jobs import is_removed
from worker_service.cleanup.portion import Portion, Removed, Tools

WINDOW = 200  # folders of jobs, assets or tasks

NEWEST_JOB = text("SELECT coalesce(max(id), 0) FROM generation_jobs")
# Of jobs that have not ended long ago nothing is looked at: a worker may be writing there.
JOBS = text("""
SELECT id, status IN ('completed', 'failed', 'cancelled', 'expired')
    AND coalesce(completed_at, updated_at) <= now() - CAST(:grace AS interval) AS is_over
FROM generation_jobs WHERE id = ANY(:ids)
""")
NAMED = text("""
SELECT path FROM job_outputs WHERE job_id = ANY(:ids)
UNION ALL SELECT thumbnail.value ->> 'path' FROM job_outputs, jsonb_each(thumbnails) AS thumbnail
WHERE job_id = ANY(:ids)
""")


class Place(NamedTuple):
    """Where to look: the assets of a user, the tasks, or the jobs of a user's day."""

    user_id: UUID
    path: str

    @property
    def holds(self) -> str:
        return self.path.rpartition("/")[2]


def orphans(tools: Tools, place: str | None) -> Iterator[Portion]:
    if tools.orphans is None:
        return
    before_s = (ask_database_time(tools.engine) - tools.orphans).timestamp()
    for here in places(tools, place or ""):
        names = tools.store.folders(here.path)
        for begin in range(0, len(names), WINDOW):
            folders = [f"{here.path}/{name}" for name in names[begin : begin + WINDOW]]
            found = LOOKS.get(here.holds, jobs_in)(tools, here, folders)
            old = [file for file in found if file.written_s <= before_s]
            yield portion_of(not_noted(tools, old), here.path if begin + WINDOW >= len(names) else None)


def portion_of(files: Sequence[StoredEntry], place: str | None) -> Portion:
    oldest = min((file.written_s for file in files), default=None)
    at = None if oldest is None else EPOCH + timedelta(seconds=oldest)
    return Portion(files, sum(file.size_bytes for file in files), at, place)


def places(tools: Tools, after: str) -> Iterator[Place]:
    """Everywhere that files of known users are, in order, after the place where a look was broken off."""
    for user_id in known_users(tools):
        for name in tools.store.folders(str(user_id)):
            path = f"{user_id}/{name}"
            days = [path] if name in LOOKS else days_in(tools, path)
            yield from (Place(user_id, day) for day in days if day > after)


def known_users(tools: Tools) -> Sequence[UUID]:
    named = []
    for name in tools.store.folders():
        try:
            named.append(UUID(name))
        except ValueError:
            continue
    with reading(tools.engine) as session:
        return sorted(session.exec(select(User.id).where(col(User.id).in_(named))), key=str)


def days_in(tools: Tools, year: str) -> list[str]:
    months = [f"{year}/{month}" for month in tools.store.folders(year)]
    return [f"{month}/{day}" for month in months for day in tools.store.folders(month)]


def assets_in(tools: Tools, here: Place, folders: Sequence[str]) -> list[StoredEntry]:
    """The files in these folders that are no asset's."""
    paths = [f"{folder}/{CONTENT}" for folder in folders]
    with reading(tools.engine) as session:
        wanted = (col(Asset.user_id) == here.user_id, col(Asset.path).in_(paths))
        named = set(session.exec(select(Asset.path).where(*wanted)))
    return [file for folder in folders for file in tools.store.files(folder) if file.key not in named]


def tasks_in(tools: Tools, _here: Place, folders: Sequence[str]) -> list[StoredEntry]:
    """The files in these folders that are of no task: one that is there has the files it needs, or a note of them."""
    by_task = {task_id: folder for folder in folders if (task_id := id_of(folder.rpartition("/")[2])) is not None}
    with reading(tools.engine) as session:
        there = set(session.exec(select(Task.id).where(col(Task.id).in_(by_task))))
    return [file for one, folder in by_task.items() if one not in there for file in tools.store.files(folder)]


def jobs_in(tools: Tools, _here: Place, folders: Sequence[str]) -> list[StoredEntry]:
    """The files in these folders that are no job's, and those that their ended jobs do not name."""
    numbered = {int(number): folder for folder in folders if (number := folder.rpartition("/")[2]).isdecimal()}
    with reading(tools.engine) as session:
        looked_at = over_or_gone(session, tools, list(numbered))
        named = set(session.connection().execute(NAMED, {"ids": list(looked_at)}).scalars())
    files = (file for number in sorted(looked_at) for file in tools.store.files(numbered[number]))
    return [file for file in files if file.key not in named]


LOOKS = {"assets": assets_in, "tasks": tasks_in}  # by the name of the folder; others are a year's jobs


def over_or_gone(session: Session, tools: Tools, numbers: Sequence[int]) -> Collection[int]:
    """Those of these numbers that are of jobs which ended long ago, or of jobs that were deleted."""
    newest = session.connection().scalar(NEWEST_JOB) or 0
    given_out = [number for number in numbers if number <= newest]
    rows = session.connection().execute(JOBS, {"ids": given_out, "grace": tools.orphans})
    is_over: Mapping[int, bool] = {row.id: row.is_over for row in rows}
    return [number for number in given_out if is_over.get(number, True)]


def not_noted(tools: Tools, files: Sequence[StoredEntry]) -> list[StoredEntry]:
    """Without those that go with a folder which is noted already, or belong to somebody who writes there."""
    above = {folder for file in files for folder in folders_above(file.key)}
    with reading(tools.engine) as session:
        wanted = col(DiscardedFolder.folder).in_(above | {file.key for file in files})
        noted = set(session.exec(select(DiscardedFolder.folder).where(wanted)))
    return [file for file in files if noted.isdisjoint({file.key, *folders_above(file.key)})]


def folders_above(key: str) -> Iterator[str]:
    while "/" in key:
        key = key.rpartition("/")[0]
        yield key


def remove_orphans(tools: Tools, portion: Portion) -> Removed:
    gone = [file for file in portion.items if is_removed(tools, file.key)]
    return Removed(len(gone), sum(file.size_bytes for file in gone))
