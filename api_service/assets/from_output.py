"""An output of a job becomes an asset: the store gives its bytes a second name, and the job may go."""

from api_service.assets.keeping import Content, Details, Kept, Owner, Shelf, keep, leave_place, new_place
from api_service.refusals.assets import asset_too_large, storage_refuses
from api_service.refusals.jobs import output_gone, storage_unavailable
from shared.files.content_hash import ContentHash
from shared.files.file_kinds import LOOKED_AT, kind_of
from shared.models import JobOutput
from shared.storage.store import NotStored, OutputStore
from shared.texts.reasons import reason_of


def keep_output(shelf: Shelf, owner: Owner, output: JobOutput, details: Details) -> Kept:
    """Make an asset of an output. Raises Refusal: asset_too_large; output_gone; storage_unavailable; and see `keep`."""
    if output.size_bytes > shelf.largest:
        raise asset_too_large(shelf.largest)
    path, is_kept = new_place(shelf.engine, owner), False
    try:
        kept = keep(shelf, owner, linked(shelf.store, output.path, path), details)
        is_kept = kept.is_new
    finally:
        if not is_kept:
            leave_place(shelf, path)
    return kept


def linked(store: OutputStore, source: str, path: str) -> Content:
    """What is under a key, now under another one too. It is read once, for its hash."""
    try:
        store.link(source, path)
        size, head, found = 0, b"", ContentHash()
        for piece in store.read(path):
            size += len(piece)
            head = head if head else piece[:LOOKED_AT]
            found.add(piece)
    except FileNotFoundError:
        if reason := store.unreadable():
            raise storage_unavailable(reason) from None
        raise output_gone(source) from None
    except NotStored as error:
        raise storage_refuses(error.reason) from error
    except OSError as error:
        raise storage_unavailable(reason_of(error)) from error
    return Content(path, size, str(found), kind_of(head))
