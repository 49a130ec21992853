"""Root's PostgreSQL runs as somebody else, and keeps its data where that account may go: outside a test's folder."""

import shutil
from pathlib import Path

from deploy.local.cluster import served
from tests.deploy_local.watching import until


def remove_lodgings(folder: Path) -> None:
    """Remove the data that root's servers could not keep in a folder only root may enter, once they are stopped."""
    for link in folder.rglob("elsewhere"):
        home = link.resolve()
        until(lambda home=home: not served(home / "data"))  # type: ignore[misc]
        shutil.rmtree(home, ignore_errors=True)
        link.unlink()
