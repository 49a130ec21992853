"""All files move from one store to another, in the order of their keys, while everything runs.

Each is copied and compared. Only then, and only where it was asked for, all are gone through again and removed from
the former store. What another worker goes on with begins behind the last page.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import islice

import structlog

from shared.models import TaskState
from shared.storage.keys import is_passing
from shared.storage.moving import Moved, MovingStore, Outcome, move, remove_former
from shared.storage.store import NotStored, StoredEntry
from shared.tasks.life import Ending, Page
from shared.texts.reasons import InWords, reason_of
from worker_service.tasks.turns.turn import Postponed, TaskFailed, Turn

log = structlog.get_logger(__name__)

PAGE = 64  # files
AT_ONCE = 8
MOST_COUNTED = 200_000  # files; of more nobody knows how many there are
AWAY = timedelta(seconds=30)  # then a store that is away is looked for again
REMOVES = "removes"


def move_files(turn: Turn) -> Ending | None:
    """Do the next page of files; after the last, where it is asked for, remove them from the former store."""
    store = turn.resources.moving
    if store is None:
        raise TaskFailed("no_former_store", "STORAGE_MOVING_FROM is not set where the workers run, so nothing can move")
    with stores_there():
        if reason := store.former.unreadable():  # a folder that is not there would seem to have no files
            raise InWords(reason)
        count_once(turn, store)
        found = walk(turn, store)
        entries = list(islice(found, PAGE))
        skipped, counts = (removed if turn.cursor.get(REMOVES) else copied)(turn, store, entries)
    is_last = len(entries) < PAGE
    begins_again = is_last and not turn.cursor.get(REMOVES) and turn.parameters.get("remove_former", False)
    cursor = {"after": entries[-1].key if entries else turn.cursor.get("after", ""), REMOVES: turn.cursor.get(REMOVES)}
    with turn.transaction() as session:
        after = {REMOVES: True} if begins_again else cursor
        turn.write(session, Page(after, turn.done + len(entries), turn.summed(skipped, **counts)))
    if begins_again:
        turn.kept.pop("walk")
    return Ending(TaskState.COMPLETED, turn.result) if is_last and not begins_again else None


@contextmanager
def stores_there() -> Iterator[None]:
    """A store that is away is ours to mend, and no failure of the task's: it waits, as long as that takes."""
    try:
        yield
    except (NotStored, OSError) as error:
        reason = error.reason if isinstance(error, NotStored) else reason_of(error)
        log.warning("move_files.waits", reason=reason, again_in_s=AWAY.total_seconds())
        raise Postponed(AWAY) from error


def count_once(turn: Turn, store: MovingStore) -> None:
    if turn.cursor or turn.task.total is not None:
        return
    files = 0
    for _ in islice(moved_files(store, ""), MOST_COUNTED + 1):
        turn.check()
        files += 1
    if files <= MOST_COUNTED:
        turn.count(files * (1 + turn.parameters.get("remove_former", False)))


def walk(turn: Turn, store: MovingStore) -> Iterator[StoredEntry]:
    """The files that are left, from behind the last page on: one walk for the pages of a turn."""
    if "walk" not in turn.kept:
        turn.kept["walk"] = moved_files(store, turn.cursor.get("after", ""))
    found: Iterator[StoredEntry] = turn.kept["walk"]
    return found


def moved_files(store: MovingStore, after: str) -> Iterator[StoredEntry]:
    return (entry for entry in store.former.files(after=after) if not is_passing(entry.key))


def copied(turn: Turn, store: MovingStore, entries: list[StoredEntry]) -> tuple[Counter[str], dict[str, int]]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes: list[Outcome] = list(threads.map(lambda one: move(store, one.key, turn.check), entries))
    whats = Counter(outcome.what for outcome in outcomes)
    skipped = Counter({str(what): whats[what] for what in (Moved.OTHER_THERE, Moved.GONE)})
    size = sum(outcome.size_bytes for outcome in outcomes)
    return skipped, {"files": whats[Moved.COPIED] + whats[Moved.THERE_ALREADY], "bytes": size, "removed": 0}


def removed(turn: Turn, store: MovingStore, entries: list[StoredEntry]) -> tuple[Counter[str], dict[str, int]]:
    turn.check()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        gone = sum(threads.map(partial(remove_former, store), entries))
    return Counter({"not_removed": len(entries) - gone}), {"files": 0, "bytes": 0, "removed": gone}
