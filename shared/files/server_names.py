"""What the file of an asset is called on a ComfyUI server: by its content, in a folder of ours, or in a cache.

All users' inputs are there, so a workflow may name none of them itself.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath

FOLDER = "genonaut-inputs"  # below ComfyUI's folder `input`

# ComfyUI's loaders, and what they use to decode, go by the ending.
SUFFIXES: Mapping[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/jxl": ".jxl",
    "image/x-exr": ".exr",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "audio/flac": ".flac",
    "audio/mpeg": ".mp3",
    "audio/aac": ".aac",
    "audio/aiff": ".aiff",
    "audio/ogg": ".ogg",
    "video/quicktime": ".mov",
    "video/mp4": ".mp4",
    "video/x-msvideo": ".avi",
    "video/x-flv": ".flv",
    "video/mpeg": ".mpg",
    "video/webm": ".webm",
    "video/x-matroska": ".mkv",
    "video/ogg": ".ogv",
}
UNKNOWN = ".bin"
OWN_SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")
NAME = re.compile(rf"{FOLDER}[/-]([0-9a-f]{{64}})\.[a-z0-9]{{1,12}}")
ANNOTATION = " [input]"


def name_on_server(content_hash: str, media_type: str, name: str) -> str:
    """The name of a content within FOLDER. Where its bytes do not say what it is, its own name does: `.latent`."""
    suffix = SUFFIXES.get(media_type)
    if suffix is None:
        own = PurePath(name).suffix.lower()
        suffix = own if OWN_SUFFIX.fullmatch(own) else UNKNOWN
    return content_hash.rpartition(":")[2] + suffix


def id_in_cache(name: str) -> str:
    """The id of a picture in the cache of a server, by its name within FOLDER."""
    return f"{FOLDER}-{name}"


def plain(value: str) -> str:
    """The name without ComfyUI's own word for the folder `input`, in which a file is looked for without it, too."""
    return value.removesuffix(ANNOTATION)


def hash_named(value: str) -> str | None:
    """The hash in the name of a file on a server, as it stands in the pictures that were made with it."""
    found = NAME.fullmatch(plain(value))
    return f"blake3:{found[1]}" if found else None


def enters_folder(text: str) -> bool:
    """Whether a text leads into the folder of all users' inputs, if it is a path."""
    lower = text.lower()
    return FOLDER in lower and any(part.strip(" .\"'") == FOLDER for part in re.split(r"[/\\\n]", lower))
