"""A file on its way into a bucket: small ones go in one request, large ones in parts, and each is verified after."""

import hashlib
from contextlib import suppress
from mimetypes import guess_type
from typing import TYPE_CHECKING

from shared.storage.bucket import NO_BUCKET, PART, Bucket, Conflict, in_words
from shared.storage.object_reading import pieces_of
from shared.storage.pieces import Digest, digest_of
from shared.storage.store import BUSY, AlreadyStored, NotStored, not_stored
from shared.texts.reasons import reason_of

if TYPE_CHECKING:
    from obstore import PutMode, WritableFile

NOT_THE_SAME = "the object store has other bytes than it was sent"


class Broken(Exception):
    """Has the library give up what was sent in parts."""


class Upload:
    """An IncomingFile for a key of a bucket. `mode` is what must be there: nothing, anything, or a file by its tag.

    Stores see to that as they take a file in one request; of one in parts it is looked up just before its end.
    """

    def __init__(self, bucket: Bucket, key: str, mode: "PutMode" = "create") -> None:
        self.bucket, self.key, self.mode = bucket, key, mode
        self.buffer, self.size = bytearray(), 0
        self.sha256, self.parts = hashlib.sha256(), list[bytes]()  # the MD5 of each part
        self.writer: WritableFile | None = None

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self.sha256.update(piece)
        self.buffer += piece
        with not_stored(self.key):
            while len(self.buffer) > PART:
                self.send(bytes(self.buffer[:PART]))
                del self.buffer[:PART]

    def send(self, part: bytes) -> None:
        """Send a part: all have PART bytes, but for the last."""
        self.parts.append(md5(part))
        self.writer = self.writer or self.bucket.writer(self.key, media_type_of(self.key))
        with in_words():
            self.writer.write(part)

    def keep(self) -> None:
        try:
            e_tag = self.put() if self.writer is None else self.close(self.writer)
            if not self.is_mine(e_tag):
                self.compare()
        except FileNotFoundError:
            raise NotStored(self.key, NO_BUCKET) from None
        except OSError as error:
            raise NotStored(self.key, reason_of(error)) from error

    def put(self) -> str | None:
        content = bytes(self.buffer)
        self.parts.append(md5(content))
        media_type = media_type_of(self.key)
        try:
            return self.bucket.put(self.key, content, media_type, self.mode)
        except NotImplementedError:  # AWS_CONDITIONAL_PUT=disabled
            self.look()
            return self.bucket.put(self.key, content, media_type)
        except Conflict:
            e_tag = self.bucket.head(self.key)["e_tag"]
            if not self.is_mine(e_tag):  # else only the answer was lost
                raise self.refusal() from None
            return e_tag

    def close(self, writer: "WritableFile") -> str | None:
        if self.buffer:
            self.send(bytes(self.buffer))
        self.look()
        try:
            with in_words():
                writer.close()
        except OSError:
            if not self.is_there():  # else only the answer was lost
                raise
        self.writer = None
        return self.bucket.head(self.key)["e_tag"]

    def is_there(self) -> bool:
        """Whether the store has the very file that was sent, whatever it said."""
        try:
            found = self.bucket.head(self.key)
            if found["size"] == self.size and not self.is_mine(found["e_tag"]):
                self.compare()
        except (OSError, NotStored):
            return False
        return bool(found["size"] == self.size)

    def look(self) -> None:
        """See to it that what must be there is. Raises NotStored."""
        if self.mode == "overwrite":
            return
        wanted = self.mode["e_tag"] if isinstance(self.mode, dict) else None
        try:
            found = self.bucket.head(self.key)["e_tag"]
        except FileNotFoundError:
            found = None
        if found != wanted:
            raise self.refusal()

    def refusal(self) -> NotStored:
        return AlreadyStored(self.key) if self.mode == "create" else NotStored(self.key, BUSY)

    def is_mine(self, e_tag: str | None) -> bool:
        """Whether the tag is the MD5 of what was sent, as S3 has it: of the file, or of the MD5s of its parts."""
        (first, *others) = self.parts
        mine = f"{md5(first, *others).hex()}-{len(self.parts)}" if others else first.hex()
        return e_tag is not None and e_tag.strip('"') == mine

    def compare(self) -> None:
        """Read what is there, whose tag says nothing of its bytes."""
        if digest_of(pieces_of(self.bucket, self.key)) != Digest(self.sha256.digest(), self.size):
            raise NotStored(self.key, NOT_THE_SAME)

    def drop(self) -> None:
        writer, self.writer = self.writer, None
        if writer is not None:
            with suppress(OSError), in_words():  # a bucket forgets parts by its own rule, where it cannot be told
                writer.__exit__(Broken, Broken(), None)


def md5(*pieces: bytes) -> bytes:
    """No secret hangs on it: it is how S3 says which bytes it has."""
    return hashlib.md5(b"".join(pieces), usedforsecurity=False).digest()


def media_type_of(key: str) -> str:
    """What a browser that is sent to the store itself is told of a file; of what could run in it, nothing."""
    found = guess_type(key)[0] or ""
    is_shown = found.startswith(("image/", "video/", "audio/")) and "xml" not in found
    return found if is_shown else "application/octet-stream"
