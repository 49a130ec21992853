"""Root's PostgreSQL runs as somebody else, and keeps its data where that account may go: outside a test's folder."""

import shutil
from pathlib import Path


def remove_lodgings(folder: Path) -> None:
    """Remove the data that servers in `folder`, stopped by now, could not keep in there."""
    for link in folder.rglob("elsewhere"):
        shutil.rmtree(link.resolve(), ignore_errors=True)
        link.unlink()
