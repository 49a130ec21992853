"""What tests of clean-ups share."""

from pathlib import Path

import pytest

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.worker_service.cleanup.old import Old


@pytest.fixture
def old(messenger: Messenger, settings: Settings, tmp_path: Path) -> Old:
    return Old(messenger, settings, tmp_path)
