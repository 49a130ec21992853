"""Jobs that ended long ago, with files; and what is left of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, text, update
from sqlmodel import col, select

from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.files.folders import job_folder
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.messenger import Messenger
from shared.models import DiscardedFolder, GenerationJob, User
from shared.storage.opening import open_storage
from tests.jobs import USER, output, running, submitted
from tests.jobs import job as job_of

SIZES = (3, 500)
SMALL = 7  # bytes of a thumbnail


class Old:
    """Makes old jobs in one deployment."""

    def __init__(self, messenger: Messenger, settings: Settings, tmp_path: Path) -> None:
        self.messenger = messenger
        self.settings = settings
        self.store = open_storage(settings).store
        self.root = Path(urlsplit(settings.storage_url).path)
        self.content = tmp_path / "content"

    def completed(self, days: float, **values: Any) -> int:
        """A job that was completed so many days ago, with two outputs; the first has a thumbnail."""
        claim = running(self.messenger, **values)
        self.change(claim.job.id, created_at=func.now() - timedelta(days=days, minutes=1))
        folder = job_folder(job_of(self.messenger, claim.job.id))
        outputs = [
            output(claim, number, path=f"{folder}/1/{number}.png", size_bytes=size) for number, size in enumerate(SIZES)
        ]
        small = f"{folder}/1/0-150.webp"
        one_for_both = {"path": small, "width": 1, "height": 1, "size_bytes": SMALL}
        outputs[0].thumbnails = {"150": one_for_both, "300": one_for_both}
        for path, size in {small: SMALL, **{one.path: one.size_bytes for one in outputs}}.items():
            self.put(path, size)
        with self.messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, outputs)
        self.change(claim.job.id, completed_at=func.now() - timedelta(days=days))
        return claim.job.id

    def cancelled(self, days: float, **values: Any) -> int:
        """A job that was cancelled so many days ago."""
        job_id = submitted(self.messenger, **values)
        with self.messenger.transaction() as session:
            cancel_one(session, job_id)
        self.change(
            job_id,
            created_at=func.now() - timedelta(days=days, minutes=1),
            completed_at=func.now() - timedelta(days=days),
        )
        return job_id

    def many(self, number: int, *, days: float = 40, **values: Any) -> None:
        """So many jobs that were cancelled then, with an event each."""
        first = {"pinned": False, **values}
        with transaction(self.messenger.engine) as session:
            session.connection().execute(MANY, {"user": USER, "number": number, "days": days, **first})
            session.connection().execute(EVENTS)

    def change(self, job_id: int, **values: Any) -> None:
        with transaction(self.messenger.engine) as session:
            session.exec(update(GenerationJob).where(col(GenerationJob.id) == job_id).values(**values))

    def keep(self, **days: int | None) -> None:
        """For how many days what of the user is kept."""
        with transaction(self.messenger.engine) as session:
            session.exec(update(User).where(col(User.id) == USER).values(retention=days))

    def put(self, path: str, size: int) -> Path:
        """A file in the store. Returns where it is."""
        self.content.write_bytes(b"x" * size)
        self.store.put({path: self.content})
        return self.root / path

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def jobs(self) -> list[int]:
        with transaction(self.messenger.engine) as session:
            return list(session.exec(select(GenerationJob.id).order_by(col(GenerationJob.id))))

    def notes(self) -> list[str]:
        with transaction(self.messenger.engine) as session:
            return list(session.exec(select(DiscardedFolder.folder)))

    def stored_bytes(self) -> int:
        with transaction(self.messenger.engine) as session:
            return session.get_one(User, USER).stored_bytes


def rows_of(engine: Engine, table: str) -> int:
    with transaction(engine) as session:
        return int(session.connection().scalar(text(f"SELECT count(*) FROM {table}")) or 0)


MANY = text("""
INSERT INTO generation_jobs
    (user_id, job_type, status, prompt, width, height, batch_size, events, pinned, created_at, completed_at)
SELECT :user, 'image', 'cancelled', 'a cat', 64, 64, 1, 1, :pinned,
    now() - make_interval(days => :days) - number * interval '1 second', now() - make_interval(days => :days)
FROM generate_series(1, :number) AS number
""")
EVENTS = text("""
INSERT INTO job_events (job_id, sequence, type, attempt)
SELECT id, 1, 'cancelled', 0 FROM generation_jobs ON CONFLICT DO NOTHING
""")
