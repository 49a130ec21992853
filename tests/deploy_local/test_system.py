"""The launcher's key: made once, good for everything, and nobody else's to read."""

from pathlib import Path
from stat import S_IMODE

from sqlalchemy import Engine

from api_service.accounts.keyring import Keyring
from deploy.local.system import local_key, local_secrets_key, with_own_metrics
from shared.accounts.keys import revoke_key
from shared.configuration.secrets.vault import Vault
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.models import Scope


def test_the_key_is_used_again_and_is_the_launchers_alone(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "up"
    key = local_key(settings, folder)
    assert local_key(settings, folder) == key
    assert S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert Keyring(engine).identify(f"Bearer {key}").scopes == set(Scope) - {Scope.NATIVE}


def test_a_key_that_is_no_longer_good_is_replaced_whatever_its_file_was(
    settings: Settings, engine: Engine, tmp_path: Path
) -> None:
    key = local_key(settings, tmp_path)
    with transaction(engine) as session:
        revoke_key(session, key.split("_")[1])
    (tmp_path / "key").chmod(0o644)
    another = local_key(settings, tmp_path)
    assert another != key
    assert (tmp_path / "key").read_text() == another
    assert S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_key_of_secrets_is_made_once_and_is_the_launchers_alone(tmp_path: Path) -> None:
    file = local_secrets_key(tmp_path / "up")
    sealed = Vault(file).seal({"a": "b"})
    assert file.is_absolute()
    assert local_secrets_key(tmp_path / "up") == file
    assert Vault(file).opened(sealed) == {"a": "b"}
    assert S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("damaged")
    assert Vault(local_secrets_key(tmp_path / "up")).problem() is None


def test_services_of_one_machine_show_their_metrics_on_ports_of_their_own() -> None:
    given = {"METRICS_PORT": "9464", "APP_ENV": "demo"}
    assert with_own_metrics(given, 2) == {"METRICS_PORT": "9466", "APP_ENV": "demo"}
    assert with_own_metrics({"APP_ENV": "demo"}, 2) == {"APP_ENV": "demo"}
