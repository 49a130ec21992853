"""Secrets are encrypted with keys from a file, which may change at any time, and no error says what is in it."""

from pathlib import Path

import pytest

from shared.configuration.secrets.vault import LARGEST_FILE, MOST_KEYS, NoVault, Vault, new_key
from shared.configuration.settings import SettingsError, load_settings

SECRETS = {"api_key_comfy_org": "comfyui-hunter2", "auth_token_comfy_org": "eyJ.hunter2.x"}


def keys(file: Path, *lines: str) -> Vault:
    file.write_text("".join(f"{line}\n" for line in lines))
    return Vault(file)


def test_what_is_sealed_can_be_opened_and_not_be_read(tmp_path: Path) -> None:
    vault = keys(tmp_path / "keys", new_key())
    sealed, again = vault.seal(SECRETS), vault.seal(SECRETS)
    assert vault.opened(sealed) == vault.opened(again) == SECRETS
    assert sealed != again, "the same secret is not seen to be the same"
    assert "hunter2" not in sealed
    assert vault.problem() is None


def test_a_new_key_is_used_at_once_and_an_old_one_as_long_as_it_is_there(tmp_path: Path) -> None:
    file, old, new = tmp_path / "keys", new_key(), new_key()
    vault = keys(file, old)
    sealed = vault.seal(SECRETS)
    keys(file, "# since spring", f"  {new}  ", "", old)
    assert vault.opened(sealed) == SECRETS
    newer = vault.seal(SECRETS)
    keys(file, new)
    assert vault.opened(newer) == SECRETS
    with pytest.raises(NoVault, match="no key in the file of SECRETS_KEY_FILE is the one"):
        vault.opened(sealed)


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAA", "hunter2" * 99])
def test_what_was_not_sealed_here_is_not_opened(tmp_path: Path, sealed: str) -> None:
    with pytest.raises(NoVault) as raised:
        keys(tmp_path / "keys", new_key()).opened(sealed)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n# nothing\n",
        b"hunter2",
        b"\xff\x00hunter2",
        new_key().encode() + b"hunter2",
        (new_key() + "\n").encode() * (MOST_KEYS + 1),
    ],
    ids=["empty", "no key", "a word", "binary", "long", "many"],
)
def test_a_file_that_is_of_no_use_is_named_without_what_it_holds(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(NoVault, match="the file of SECRETS_KEY_FILE does not hold 1 to 20 keys") as raised:
        Vault(file).seal(SECRETS)
    assert "hunter2" not in str(raised.value)
    assert Vault(file).problem() == str(raised.value)


def test_a_file_that_is_too_large_is_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes((new_key() + "\n").encode() + b"#" * LARGEST_FILE)
    assert Vault(file).problem() == f"the file of SECRETS_KEY_FILE has more than {LARGEST_FILE} bytes"
    file.write_bytes((new_key() + "\n").encode().ljust(LARGEST_FILE, b"#"))
    assert Vault(file).problem() is None


def test_without_a_file_the_error_says_why_and_not_where(tmp_path: Path) -> None:
    with pytest.raises(NoVault, match="SECRETS_KEY_FILE is not set"):
        Vault().seal(SECRETS)
    assert Vault().problem() is None, "nobody has to have one"
    with pytest.raises(NoVault) as raised:
        Vault(tmp_path / "none").opened("x")
    assert str(raised.value) == "the file of SECRETS_KEY_FILE cannot be read: No such file or directory"
    assert "cannot be read" in (Vault(tmp_path).problem() or "")


def test_the_file_is_named_by_an_absolute_path(environ: dict[str, str], tmp_path: Path) -> None:
    assert load_settings(environ).secrets_key_file is None
    file = tmp_path / "keys"
    assert load_settings({**environ, "SECRETS_KEY_FILE": str(file)}).secrets_key_file == file
    with pytest.raises(SettingsError, match="SECRETS_KEY_FILE: 'keys' is not accepted; accepted: the absolute path"):
        load_settings({**environ, "SECRETS_KEY_FILE": "keys"})
