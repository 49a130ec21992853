"""The one place that knows which store a URL means."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.storage.folder_store import FolderStore
from shared.storage.store import OutputStore


def open_store(url: str) -> OutputStore:
    """The store of a STORAGE_URL."""
    return FolderStore(Path(unquote(urlsplit(url).path)))
