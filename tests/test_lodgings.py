"""Data that a test's server is about to have are not abandoned."""

from pathlib import Path

import pytest

from deploy.local.cluster import remove_abandoned
from tests.lodgings import lodging


@pytest.mark.broad
def test_what_has_a_lodging_is_not_taken_for_abandoned(folder: Path) -> None:
    with lodging(folder / "replica") as (home, _account):
        (home / "data").mkdir()
        remove_abandoned()
        assert (home / "data").is_dir()
