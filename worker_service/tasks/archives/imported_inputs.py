"""The assets that imported jobs took: each content is stored once for each user, and the jobs lead to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from shared.database.clock import database_time
from shared.files.asset_uses import record_uses
from shared.files.assets import CONTENT, new_folder
from shared.files.content_hash import ContentHash
from shared.files.contents import another_name, known_content, later
from shared.files.file_kinds import LOOKED_AT, FileKind, kind_of
from shared.files.folders import take_back_notes
from shared.models import Asset, GenerationJob, User
from shared.workflows.references import with_other_assets
from worker_service.tasks.archives.copying import Said, copy
from worker_service.tasks.archives.manifest import ArchivedInput
from worker_service.tasks.archives.reading import GivenArchive
from worker_service.tasks.turns.turn import NotNow, Turn


def too_slow() -> NotNow:
    """Clean-up may have removed what was stored: all of a page is stored anew."""
    return NotNow("too_slow", "the files of a page took too long to be stored")


@dataclass
class Content:
    """A file that is stored in a folder of its own, which is noted until an asset takes it."""

    folder: str
    size: int
    kind: FileKind
    is_taken: bool = False


Contents = Mapping[str, Content]  # by hash
NewInputs = Mapping[str, ArchivedInput]  # by the folder that each is to have


def new_inputs(session: Session, user: User, inputs: list[ArchivedInput], contents: Contents) -> NewInputs:
    """Those whose bytes are in the archive, and neither the user's nor stored for another job."""
    there = {one.hash: one for one in inputs if one.file is not None and one.hash not in contents}
    missing = [one for one in there.values() if known_content(session, user.id, one.hash, one.name) is None]
    return {new_folder(user.id): one for one in missing}


def store_input(turn: Turn, archive: GivenArchive, one: ArchivedInput, folder: str) -> Content:
    """Put the bytes of an asset into the store. Raises WrongFile."""
    key = f"{folder}/{CONTENT}"
    copy(turn, archive, Said(str(one.file), one.size_bytes, one.hash, ContentHash), key)
    head = b"".join(turn.resources.store.read(key, 0, LOOKED_AT))
    return Content(folder, one.size_bytes, kind_of(head))


@dataclass(frozen=True)
class Takeover:
    """The assets of a user who is held, as a page of jobs needs them. What it makes ends after `lifetime`."""

    session: Session
    user: User
    contents: Contents
    lifetime: timedelta | None

    def lead(self, row: GenerationJob, inputs: list[ArchivedInput]) -> None:
        """Let a job that is there take assets of the user's, in the place of those that it took elsewhere."""
        found = {str(one.id): asset for one in inputs if (asset := self.asset_for(one)) is not None}
        if not found:
            return
        ids = {old: str(asset.id) for old, asset in found.items()}
        row.assets = {
            node_id: {name: ids.get(asset_id, asset_id) for name, asset_id in by_name.items()}
            for node_id, by_name in (row.assets or {}).items()
        }
        row.workflow = None if row.workflow is None else dict(with_other_assets(row.workflow, ids))
        self.session.flush()
        record_uses(self.session, [(row.id, {asset.id for asset in found.values()})])

    def asset_for(self, one: ArchivedInput) -> Asset | None:
        """The user's asset with these bytes and this name, made if there is none. None where nobody has the bytes.

        Raises NotNow, where the user had them a moment ago.
        """
        known = known_content(self.session, self.user.id, one.hash, one.name)
        if known is not None and known.name == one.name:
            known.expires_at = later(known.expires_at, self.ends_at)
            return known
        if known is not None:
            asset = another_name(known, one.name, self.ends_at)
        elif one.hash in self.contents:
            asset = self.stored(one, self.contents[one.hash])
        elif one.file is None:
            return None
        else:
            raise NotNow("asset_not_found", f"the asset {one.name!r} was deleted just now")
        asset.tags = list(one.tags)
        self.session.add(asset)
        return asset

    def stored(self, one: ArchivedInput, content: Content) -> Asset:
        """The first asset over bytes that came with the archive: they count now, and nothing notes their folder."""
        content.is_taken = True
        self.user.stored_bytes += content.size
        if not take_back_notes(self.session, [content.folder]):
            raise too_slow()
        return Asset(
            user_id=self.user.id,
            name=one.name,
            kind=content.kind.kind,
            media_type=content.kind.media_type,
            size_bytes=content.size,
            hash=one.hash,
            path=f"{content.folder}/{CONTENT}",
            expires_at=self.ends_at,
        )

    @property
    def ends_at(self) -> datetime | None:
        return None if self.lifetime is None else database_time(self.session) + self.lifetime
