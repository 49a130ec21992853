"""What is asked of a bucket, with bounded waits; what fails is told in one sentence without addresses or keys."""

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from shared.texts.reasons import InWords

if TYPE_CHECKING:  # the library has these for type checkers only
    from obstore import ObjectMeta, PutMode, WritableFile
    from obstore.store import ClientConfig, RetryConfig

PART = 8 * 1024**2  # bytes: of what is sent or read in one request
LISTED = 1000  # keys, in one request
LONGEST_SIGNED = timedelta(days=7)  # what Amazon signs for

# No request waits longer than about a minute and a half, and no probe longer than some ten seconds.
PATIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}
AGAIN: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
HASTY: "ClientConfig" = {"connect_timeout": timedelta(seconds=3), "timeout": timedelta(seconds=5)}
ONCE_MORE: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}

LOOKED_AT = 4000  # characters of what the library says
NO_BUCKET = "the object store has no such bucket"
NO_SUCH_RANGE = "416"  # the status, of a range that begins at the end or beyond it
CODE = re.compile(r"<Code>([A-Za-z0-9_.-]{1,64})</Code>")
STATUS = re.compile(r"status code: (\d{3})")
ROLES = (
    "169.254.169.254",
    "metadata.google.internal",
    "169.254.170.2",
)  # where machines are asked for a role of theirs


class Conflict(Exception):
    """What is under the key is not what was asked for: the condition does not hold."""


class Window(NamedTuple):
    """A part of a file; `size` and `e_tag` are the whole file's."""

    content: bytes
    size: int
    e_tag: str | None


@dataclass(frozen=True)
class Bucket:
    """Keys below a prefix in a bucket. `probe` is the same with short waits.

    All raise FileNotFoundError where there is nothing, Conflict, and InWords for whatever else.
    """

    store: S3Store | GCSStore | AzureStore
    probe: S3Store | GCSStore | AzureStore

    def head(self, key: str) -> "ObjectMeta":
        with in_words():
            return obstore.head(self.store, key)

    def window(self, key: str, start: int, length: int, e_tag: str | None = None) -> Window:
        """At most so many bytes from `start`; none beyond the end. With a tag: of that file only."""
        try:
            with in_words():
                options = {"range": (start, start + length), **({"if_match": e_tag} if e_tag else {})}
                found = obstore.get(self.store, key, options=options)  # type: ignore[arg-type]
                return Window(bytes(found.bytes()), found.meta["size"], found.meta["e_tag"])
        except InWords as error:
            if NO_SUCH_RANGE not in str(error):
                raise
            meta = self.head(key)
            if start < meta["size"]:
                raise
            return Window(b"", meta["size"], meta["e_tag"])

    def put(self, key: str, content: bytes, media_type: str, mode: "PutMode" = "overwrite") -> str | None:
        """Store it in one request. Returns its tag. Raises NotImplementedError, where no condition is to be asked."""
        attributes = {"Content-Type": media_type}
        with in_words():
            return obstore.put(self.store, key, content, mode=mode, attributes=attributes, use_multipart=False)["e_tag"]

    def writer(self, key: str, media_type: str) -> "WritableFile":
        """A file that is sent in parts, and is there once it is closed; leaving its block by an error aborts it."""
        attributes = {"Content-Type": media_type}
        with in_words():
            return obstore.open_writer(self.store, key, attributes=attributes, buffer_size=PART, max_concurrency=2)

    def copy(self, key: str, as_key: str) -> None:
        with in_words():
            obstore.copy(self.store, key, as_key)

    def delete(self, keys: Sequence[str]) -> None:
        """What is not there is fine."""
        try:
            with in_words():
                obstore.delete(self.store, list(keys))
        except FileNotFoundError:
            for key in keys:
                with suppress(FileNotFoundError), in_words():
                    obstore.delete(self.store, key)

    def below(self, folder: str, after: str = "") -> "Iterator[ObjectMeta]":
        """All files below a folder in the order of their keys, after one of them."""
        with in_words():
            for page in obstore.list(self.store, folder or None, offset=after or None, chunk_size=LISTED):
                yield from page

    def folders(self, folder: str) -> list[str]:
        with in_words():
            found = obstore.list_with_delimiter(self.store, folder or None)["common_prefixes"]
        return sorted(one.rstrip("/").rpartition("/")[2] for one in found)

    def sign(self, key: str, lifetime: timedelta) -> str:
        with in_words():
            return obstore.sign(self.store, "GET", key, min(lifetime, LONGEST_SIGNED))

    def try_reading(self, folder: str) -> None:
        """See whether the bucket answers at all."""
        with in_words():
            next(iter(obstore.list(self.probe, folder, chunk_size=1)), None)

    def try_writing(self, key: str) -> None:
        with in_words():
            obstore.put(self.probe, key, b"x", use_multipart=False)


def open_bucket(url: str, config: Mapping[str, str]) -> Bucket:
    """The bucket of a URL: s3, gs or az. What `config` does not say, the library takes from the usual variables.

    Raises ValueError, in one sentence.
    """
    plain: ClientConfig = {"allow_http": True} if config.get("endpoint", "").startswith("http://") else {}
    given: Any = config  # the library's types have all regions of Amazon's, and no other
    try:
        store, probe = (
            from_url(url, client_options={**waits, **plain}, retry_config=again, **given)
            for waits, again in ((PATIENT, AGAIN), (HASTY, ONCE_MORE))
        )
    except (BaseError, ValueError, TypeError) as error:
        raise ValueError(f"the object store cannot be used as it is set: {str(error).splitlines()[0][:300]}") from None
    assert isinstance(store, S3Store | GCSStore | AzureStore), "the scheme was looked at before"
    assert isinstance(probe, S3Store | GCSStore | AzureStore)
    return Bucket(store, probe)


@contextmanager
def in_words() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    except (AlreadyExistsError, PreconditionError) as error:
        raise Conflict from error
    except (BaseError, OSError) as error:
        raise InWords(words_of(str(error)[:LOOKED_AT])) from error


def words_of(said: str) -> str:
    """What the library says, in one sentence."""
    code, status = CODE.search(said), STATUS.search(said)
    if any(place in said for place in ROLES):
        return "there are no credentials for the object store, and this machine has no role of its own"
    if code or status:
        answered = " ".join(found[1] for found in (status, code) if found)
        return f"the object store answered {answered}"
    return "the object store does not answer"
