"""The launcher's own user and key: made once for a database, and kept beside its data for the next start."""

import os
from pathlib import Path

from api_service.accounts.accounts import create_key, user_named
from api_service.accounts.keyring import Keyring
from api_service.refusals.problems import Problem
from shared.configuration.settings import Settings
from shared.database.engine import create_engine, transaction
from shared.models import Scope

USER = "local"


def local_key(settings: Settings, directory: Path) -> str:
    """A key of the user `local`, with every scope. One that was kept and is still good is used again."""
    engine = create_engine(settings, application="launcher", connections=1)
    kept = directory / "key"
    try:
        if kept.is_file() and is_good(Keyring(engine), token := kept.read_text().strip()):
            return token
        with transaction(engine) as session:
            made = create_key(session, user_named(session, USER).id, "made by the launcher", scopes=list(Scope))
        directory.mkdir(parents=True, exist_ok=True)
        kept.unlink(missing_ok=True)  # whatever its mode was
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made.token)
        return made.token
    finally:
        engine.dispose()


def is_good(keyring: Keyring, token: str) -> bool:
    try:
        keyring.identify(f"Bearer {token}")
    except Problem:
        return False
    return True
