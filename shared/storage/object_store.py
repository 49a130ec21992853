"""The store in a bucket: what is put is verified there, and nothing of it is needed on this machine."""

import io
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import BinaryIO, cast

from shared.storage.bucket import NO_BUCKET, Bucket, Conflict
from shared.storage.durable import MOST_AT_ONCE
from shared.storage.folder_reading import pieces_of as pieces_of_file
from shared.storage.keys import key_of
from shared.storage.object_growing import GrowingObject
from shared.storage.object_reading import READ_AHEAD, ObjectReader, pieces_of
from shared.storage.pieces import pour
from shared.storage.store import Content, GrowingFile, IncomingFile, NotStored, StoredEntry, not_stored
from shared.storage.uploads import Upload
from shared.texts.reasons import InWords, reason_of

LARGEST_COPY = 1024**3  # bytes that a store copies itself within the time that we wait; Amazon does up to 5 GB
PROBED = ".probe"  # a folder beside those of users


class ObjectStore:
    """An OutputStore in a bucket. Clients are sent on to it with URLs that work for so long; None: they are not."""

    def __init__(self, bucket: Bucket, signed_for: timedelta | None = None) -> None:
        self.bucket = bucket
        self.signed_for = signed_for

    def put(self, files: Mapping[str, Content]) -> None:
        found = [(key_of(key), file) for key, file in files.items()]
        if len(found) == 1:
            self.put_one(*found[0])
            return
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(found))) as threads:
            for done in [threads.submit(self.put_one, *one) for one in found]:
                done.result()

    def put_one(self, key: str, content: Content) -> None:
        with not_stored(key):
            pieces = (content,) if isinstance(content, bytes) else pieces_of_file(content)
            pour(pieces, Upload(self.bucket, key, "overwrite"))

    def incoming(self, key: str) -> IncomingFile:
        return Upload(self.bucket, key_of(key))

    def link(self, key: str, as_key: str) -> None:
        size = self.size(key)
        try:
            if size <= LARGEST_COPY:
                self.bucket.copy(key, key_of(as_key))
                if self.size(as_key) != size:
                    raise NotStored(as_key, "the copy has another size")
            else:
                pour(pieces_of(self.bucket, key), Upload(self.bucket, key_of(as_key), "overwrite"))
        except InWords as error:
            raise NotStored(as_key, reason_of(error)) from error

    def growing(self, key: str, length: int) -> GrowingFile:
        return GrowingObject(self.bucket, key_of(key), length)

    def open(self, key: str) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(ObjectReader(self.bucket, key_of(key)), READ_AHEAD))

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        return pieces_of(self.bucket, key_of(key), start, length)

    def size(self, key: str) -> int:
        return self.bucket.head(key_of(key))["size"]

    def signed_url(self, key: str) -> str | None:
        return self.bucket.sign(key_of(key), self.signed_for) if self.signed_for else None

    def remove(self, folder: str) -> None:
        keys = [entry["path"] for entry in self.bucket.below(key_of(folder))]
        self.bucket.delete([*keys, folder])

    def folders(self, folder: str = "") -> list[str]:
        return self.bucket.folders(folder)

    def files(self, folder: str = "", after: str = "") -> Iterator[StoredEntry]:
        for one in self.bucket.below(folder, after):
            yield StoredEntry(one["path"], one["size"], one["last_modified"].timestamp())

    def unreadable(self) -> str | None:
        try:
            self.bucket.try_reading(PROBED)
        except OSError as error:
            return reason_of(error)
        return None

    def check(self) -> None:
        try:
            self.bucket.try_writing(f"{PROBED}/file")
        except FileNotFoundError:
            raise NotStored("a file", NO_BUCKET) from None
        except OSError as error:
            raise NotStored("a file", reason_of(error)) from error
        except Conflict:  # another worker tries this too: it can be written
            return

    def free_bytes(self) -> int | None:
        return None
