"""Secrets that callers send with a job are encrypted, with keys that are in a file and never in the database."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.texts.small_files import NotRead, small_file

log = structlog.get_logger(__name__)

VARIABLE = "SECRETS_KEY_FILE"
NOT_OURS = f"no key in the file of {VARIABLE} is the one that they were encrypted with"
MOST_KEYS = 20
LENGTH = 44  # characters of a key; what decodes them ignores what is beyond
LARGEST_FILE = 16 * 1024  # bytes


class NoVault(Exception):
    """Secrets can be neither stored nor read. The message says why, and neither where the file is nor what it holds."""


class Vault:
    """Encrypts with the first key of the file, and decrypts with any of them, so that keys can be replaced.

    The file is read each time: a new key needs no restart.
    """

    def __init__(self, key_file: Path | None = None) -> None:
        self._key_file = key_file

    def seal(self, secrets: Mapping[str, str]) -> str:
        """The secrets as they may be stored. Raises NoVault."""
        return MultiFernet(self._keys()).encrypt(json.dumps(dict(secrets)).encode()).decode()

    def opened(self, sealed: str) -> dict[str, str]:
        """The secrets that were sealed. Raises NoVault."""
        keys = MultiFernet(self._keys())
        try:
            found: dict[str, str] = json.loads(keys.decrypt(sealed.encode()))
        except InvalidToken:
            raise NoVault(NOT_OURS) from None
        return found

    def renewed(self, sealed: str) -> str | None:
        """What was sealed, sealed with the first key; None if it is already. Raises NoVault."""
        keys = self._keys()
        with suppress(InvalidToken):
            keys[0].decrypt(sealed.encode())
            return None
        try:
            return MultiFernet(keys).rotate(sealed.encode()).decode()
        except InvalidToken:
            raise NoVault(NOT_OURS) from None

    def problem(self) -> str | None:
        """Why the file that is set is of no use. None if it is good, or if none is set."""
        try:
            if self._key_file is not None:
                self._keys()
        except NoVault as error:
            return str(error)
        return None

    def _keys(self) -> list[Fernet]:
        if self._key_file is None:
            raise NoVault(f"{VARIABLE} is not set")
        try:
            return keys_in(small_file(self._key_file, LARGEST_FILE))
        except NotRead as error:
            raise NoVault(f"the file of {VARIABLE} {error}") from None


def keys_in(text: bytes) -> list[Fernet]:
    """The keys in a file: one a line, but for empty lines and those with a #. Raises NoVault."""
    lines = [line for line in map(bytes.strip, text.splitlines()) if line and not line.startswith(b"#")]
    if {len(line) for line in lines} == {LENGTH} and len(lines) <= MOST_KEYS:
        with suppress(ValueError):
            return [Fernet(line) for line in lines]
    raise NoVault(f"the file of {VARIABLE} does not hold 1 to {MOST_KEYS} keys, one a line, each 32 bytes in base64url")


def open_vault(key_file: Path | None) -> Vault:
    """For a `main`: a file that is of no use is told of at once, and looked at again whenever it is needed."""
    vault = Vault(key_file)
    if problem := vault.problem():
        log.warning("secrets.no_key", problem=problem)
    return vault


def new_key() -> str:
    """A line for the file."""
    return Fernet.generate_key().decode()
