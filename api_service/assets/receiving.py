"""A file that arrives piece by piece goes to the store as it comes; no more of it than one piece is in memory."""

from api_service.assets.keeping import Content, Details, Kept, Owner, Shelf, keep, leave_place, new_place
from api_service.refusals.assets import asset_too_large, storage_refuses, wrong_field
from shared.files.content_hash import ContentHash
from shared.files.file_kinds import LOOKED_AT, kind_of
from shared.storage.store import IncomingFile, NotStored

ARCHIVE = b"PK\3\4"  # begins a ZIP


class Receiving:
    """One file on its way in. Call `leave` at the end, whatever happened: what was not kept is removed then.

    Each call may block, and raises Refusal.
    """

    def __init__(self, shelf: Shelf, owner: Owner) -> None:
        self.shelf = shelf
        self.owner = owner
        self.path: str | None = None
        self.file: IncomingFile | None = None
        self.hash = ContentHash()
        self.head = b""
        self.size = 0
        self.is_kept = False

    def begin(self) -> None:
        """Raises Refusal: quota_exceeded, storage_unavailable."""
        self.path = new_place(self.shelf.engine, self.owner)
        try:
            self.file = self.shelf.store.incoming(self.path)
        except NotStored as error:
            raise storage_refuses(error.reason) from error

    def write(self, piece: bytes) -> None:
        """Raises Refusal: asset_too_large, storage_unavailable."""
        assert self.file is not None, "it has begun"
        self.size += len(piece)
        if len(self.head) < LOOKED_AT:
            self.head += piece[: LOOKED_AT - len(self.head)]
        if self.size > self.largest:
            raise asset_too_large(self.largest)
        self.hash.add(piece)
        try:
            self.file.write(piece)
        except NotStored as error:
            raise storage_refuses(error.reason) from error

    @property
    def largest(self) -> int:
        """How many bytes it may have, by what it is."""
        is_archive = self.head.startswith(ARCHIVE)
        return max(self.shelf.largest, self.shelf.largest_archive) if is_archive else self.shelf.largest

    def finish(self, details: Details) -> Kept:
        """Make the asset of what has arrived. Raises Refusal, see `keep`; invalid_fields, for no bytes at all."""
        assert self.file is not None, "it has begun"
        assert self.path is not None
        if not self.size:
            raise wrong_field("file", "has no bytes")
        try:
            self.file.keep()
        except NotStored as error:
            raise storage_refuses(error.reason) from error
        content = Content(self.path, self.size, str(self.hash), kind_of(self.head))
        kept = keep(self.shelf, self.owner, content, details)
        self.is_kept = kept.is_new
        return kept

    def leave(self) -> None:
        """Remove what was not kept."""
        if self.file is not None and not self.is_kept:
            self.file.drop()
        if self.path is not None and not self.is_kept:
            leave_place(self.shelf, self.path)
