"""What proves who clicked: a code that was mailed, kept as its hash, and a signature that ends a user's e-mail."""

import hmac
import secrets
from base64 import b32encode
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

CODE_BYTES = 10
PART = 4  # letters of a code between two hyphens
LONGEST_PROOF = 100  # characters
USER_LETTERS = 32


class Proof(NamedTuple):
    """What the link of a mail carries: whose it is, and a code or a signature."""

    user_id: UUID
    secret: str

    @property
    def text(self) -> str:
        return f"{self.user_id.hex}{self.secret}"


def proof_in(text: str) -> Proof | None:
    """What a link carries; None for what is none of ours."""
    with suppress(ValueError):
        return Proof(UUID(hex=text[:USER_LETTERS]), text[USER_LETTERS:])
    return None


def drawn_secret() -> bytes:
    return secrets.token_bytes(32)


def drawn_code() -> str:
    """Sixteen letters and digits, which say 80 bits: nobody guesses one in an hour."""
    letters = b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    return "-".join(letters[start : start + PART] for start in range(0, len(letters), PART))


def hash_of_code(code: str) -> bytes:
    """Of a code as people type it: hyphens, blanks and small letters are no difference."""
    return sha256("".join(filter(str.isalnum, code)).upper().encode()).digest()


def signature(secret: bytes, user_id: UUID) -> str:
    """What ends the e-mail of a user, by a click: good until the secret is replaced, which the address does."""
    return hmac.new(secret, b"unsubscribe" + user_id.bytes, sha256).hexdigest()[:40]


def is_signed(proof: Proof, secret: bytes) -> bool:
    return hmac.compare_digest(proof.secret.encode(), signature(secret, proof.user_id).encode())
