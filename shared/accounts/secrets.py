"""Secrets are drawn here, and only their hashes are kept."""

import hashlib
import secrets

ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def drawn_id() -> str:
    return "".join(secrets.choice(ID_LETTERS) for _ in range(12))


def drawn_secret() -> str:
    return secrets.token_hex(32)


def hash_of(secret: str) -> bytes:
    """What is kept of a secret. One round is enough: secrets are drawn, 256 bits long, not chosen by people."""
    return hashlib.sha256(secret.encode()).digest()
