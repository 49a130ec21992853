"""Root's PostgreSQL runs as somebody else, and keeps its data where that account may go: outside a test's folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.cluster import THROWAWAY, hold, mark, quarters, served
from deploy.local.programs import Account
from tests.deploy_local.watching import until


@contextmanager
def lodging(folder: Path) -> Iterator[tuple[Path, Account | None]]:
    """Where the account of a server can reach what is in a new `folder`, and that account.

    It is held meanwhile: another run would take data that nobody serves for abandoned, and remove them.
    """
    held = hold(folder)
    try:
        home, account = quarters(folder)
        if home != folder:
            mark(home, THROWAWAY, folder)
        yield home, account
    finally:
        os.close(held)


def remove_lodgings(folder: Path) -> None:
    """Remove the data that root's servers could not keep in a folder only root may enter, once they are stopped."""
    for link in folder.rglob("elsewhere"):
        home = link.resolve()
        until(lambda home=home: not served(home / "data"))  # type: ignore[misc]
        shutil.rmtree(home, ignore_errors=True)
        link.unlink()
