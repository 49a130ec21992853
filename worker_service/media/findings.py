"""What is found in a file. Worker and members of the pool both know these, so no table or decoder is imported here."""

from typing import Any, NamedTuple

SIZES = (150, 300, 600)  # of thumbnails, in px
LONGEST_MS = 2**31 - 1  # 24 days: what the column of a duration holds
LONGEST_SIDE = 2**31 - 1


class BeyondLimits(Exception):
    """A file that can be neither called sound nor damaged: to find out would take more than one file may cost."""


class Damaged(Exception):
    """What was read does not decode, or ends before its own header says."""


class MediaInfo(NamedTuple):
    """What decoding a file has shown. `kind` is a value of OutputKind. `undecoded` is why it was not decoded."""

    kind: str
    media_type: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    undecoded: str | None = None


class Thumbnail(NamedTuple):
    """A picture that fits in a square of `size` px: a JPEG, or a WEBP where it can be seen through."""

    size: int
    width: int
    height: int
    content: bytes

    @property
    def ending(self) -> str | None:
        """What the name of its file ends in, by its first bytes; None of what is no thumbnail."""
        if self.content.startswith(b"\xff\xd8\xff"):
            return ".jpg"
        return ".webp" if self.content[8:12] == b"WEBP" else None


class Examined(NamedTuple):
    """What a file is, and its thumbnails; `note` says why there are none."""

    media: MediaInfo
    thumbnails: tuple[Thumbnail, ...] = ()
    note: str | None = None

    def thumbnail_files(self, stem: str) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
        """What a row says of each thumbnail, by its size; and what is to be stored, by keys that begin with `stem`."""
        said: dict[str, dict[str, Any]] = {}
        files: dict[str, bytes] = {}
        content, path = b"", ""
        for one in self.thumbnails:
            if one.content != content:  # else it is the same picture again, and one file serves both sizes
                content, path = one.content, f"{stem}-{one.size}{one.ending}"
                files[path] = content
            said[str(one.size)] = {"path": path, "width": one.width, "height": one.height, "size_bytes": len(content)}
        return said, files


def plain(text: str, longest: int = 300) -> str:
    """A text of a library about a file, which may quote the file: printable ASCII in one line, and not too long."""
    shown = text[: longest + 1].encode("ascii", "backslashreplace").decode()
    shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
