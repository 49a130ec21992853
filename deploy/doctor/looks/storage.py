"""The store takes files and has room, here and at the workers, and both see the same one."""

from collections.abc import Iterator, Sequence

from sqlmodel import col, select

from deploy.doctor.finding import Finding, ok, trouble, warning
from deploy.doctor.installation import Installation
from shared.database.engine import reading
from shared.models import JobOutput, Worker
from shared.storage.moving import MovingStore
from shared.storage.store import NotStored, OutputStore, has
from worker_service.scheduler.gauges import IS_ALIVE

SUBJECT = "storage"
LITTLE = 1024**3  # bytes
NEWEST = 20  # outputs are looked for


def look_from_here(installation: Installation) -> Iterator[Finding]:
    store = installation.store
    try:
        store.check()
    except NotStored as error:
        found = f"no file can be stored from here: {error.reason}"
        yield trouble(SUBJECT, found, "See that the store is there and takes files, and that STORAGE_URL is it")
        return
    yield ok(SUBJECT, "files can be stored from here")
    if isinstance(store, MovingStore) and (reason := store.former.unreadable()):
        found = f"the store that files move from cannot be read from here: {reason}"
        yield trouble(SUBJECT, found, "Mend STORAGE_MOVING_FROM; take it away only once the task has moved all files")
    yield from room(store)


def room(store: OutputStore) -> Iterator[Finding]:
    free = store.free_bytes()
    if free is None:  # nobody can tell
        return
    told = f"{free / 1024**3:.1f} GiB are free"
    if free < LITTLE:
        yield warning(SUBJECT, told, "Make room, or set RETENTION_OUTPUTS")
    else:
        yield ok(SUBJECT, told)


def look_from_workers(installation: Installation) -> Iterator[Finding]:
    with reading(installation.engine) as session:
        away = session.execute(
            select(Worker.id, Worker.storage_problem).where(IS_ALIVE, col(Worker.storage_problem).is_not(None))
        ).all()
        newest = session.scalars(
            select(JobOutput.path).order_by(col(JobOutput.job_id).desc(), col(JobOutput.number)).limit(NEWEST)
        ).all()
    for worker, problem in away:
        yield trouble(SUBJECT, f"the worker {worker} cannot store outputs: {problem}", "Results wait in ComfyUI for it")
    yield from same_store(installation, newest)


def same_store(installation: Installation, paths: Sequence[str]) -> Iterator[Finding]:
    """What workers stored last is here: no row tells which folder they mean, but the files do."""
    missing = [path for path in paths if not has(installation.store, path)]
    if missing and len(missing) == len(paths):
        yield trouble(
            SUBJECT,
            f"none of the {len(paths)} newest outputs is here: workers store elsewhere, or the store is another one",
            "Let STORAGE_URL be the same store for APIs and workers",
        )
    elif missing:
        yield warning(
            SUBJECT,
            f"{len(missing)} of the {len(paths)} newest outputs are missing, such as {missing[0]}",
            "Let STORAGE_URL be the same store for all workers; see `worker_service.cleanup --only missing_files`",
        )
    elif paths:
        yield ok(SUBJECT, "the newest outputs are here")
