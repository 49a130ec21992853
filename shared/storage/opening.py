"""The one place that knows which store a URL means, and whether files are moving from another."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from shared.configuration.settings import Settings, SettingsError
from shared.storage.folder_store import FolderStore
from shared.storage.moving import MovingStore
from shared.storage.store import OutputStore

LACKING = (
    "a bucket wants packages that are not installed ({}). Install the extra `buckets` of genonaut-generation, or name "
    "a folder"
)


class Access(NamedTuple):
    """How an object store is reached, and for how long clients are sent on to it, if they are."""

    config: dict[str, str]
    signed_for: timedelta | None = None


class Storage(NamedTuple):
    """Where files are kept; `moving` is the same, while they move there from another store."""

    store: OutputStore
    moving: MovingStore | None = None


def storage_or_exit(settings: Settings) -> Storage:
    """For a `main`: what cannot be as it is set ends the process with status 2, and a line that says why."""
    try:
        return open_storage(settings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def open_storage(settings: Settings) -> Storage:
    """Raises SettingsError."""
    access = access_of(settings)
    store = store_named_by("STORAGE_URL", settings.storage_url, access)
    if not settings.storage_moving_from:
        return Storage(store)
    moving = MovingStore(store_named_by("STORAGE_MOVING_FROM", settings.storage_moving_from, access), store)
    return Storage(moving, moving)


def store_named_by(variable: str, url: str, access: Access) -> OutputStore:
    """Raises SettingsError, which names the variable."""
    try:
        return open_store(url, access)
    except ValueError as error:
        raise SettingsError([f"{variable}: {error}"]) from error


def access_of(settings: Settings) -> Access:
    secret = settings.storage_secret_access_key
    given = {
        "endpoint": settings.storage_endpoint,
        "region": settings.storage_region,
        "access_key_id": settings.storage_access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
    }
    signed_for = settings.file_url_lifetime if settings.storage_signed_urls else None
    return Access({name: value for name, value in given.items() if value}, signed_for)


def open_store(url: str, access: Access) -> OutputStore:
    """The store of a STORAGE_URL. Raises ValueError, in one sentence."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    # Whoever has a folder needs no library of object stores in memory.
    try:
        from shared.storage.bucket import open_bucket
        from shared.storage.object_store import ObjectStore
    except ImportError as error:
        raise ValueError(LACKING.format(error.name)) from None
    config = access.config if parts.scheme == "s3" else {}
    return ObjectStore(open_bucket(url, config), access.signed_for)
