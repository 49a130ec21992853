"""Which inputs of a node class take a file of ComfyUI's folder `input`, and of which kinds: read from the class.

ComfyUI's own say so with a flag such as `image_upload`. Packs often only list the files that are there.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from shared.models import AssetKind
from shared.workflows.image_cache import ID, LOADING

ANY_KIND: frozenset[AssetKind] = frozenset()
# Of a film the loaders of sounds take the sound.
UPLOADS: Mapping[str, frozenset[AssetKind]] = {
    "image_upload": frozenset({AssetKind.IMAGE}),
    "audio_upload": frozenset({AssetKind.AUDIO, AssetKind.VIDEO}),
    "video_upload": frozenset({AssetKind.VIDEO}),
    "file_upload": ANY_KIND,
}
# A picture of the server's cache is named by a plain text: by the name of the class and of its input.
CACHED: Mapping[tuple[str, str], frozenset[AssetKind]] = {(LOADING, ID): frozenset({AssetKind.IMAGE})}
# The endings of files that are no models: those have lists, too.
ENDINGS = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl", ".exr"),
        *(".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".flv", ".ogv", ".svg", ".psd"),
        *(".mp3", ".wav", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".latent", ".glb", ".gltf", ".obj"),
    }
)


def files_taken(options: Mapping[str, Any], open_choices: Sequence[Any] | None) -> frozenset[AssetKind] | None:
    """The kinds of files that an input takes, none for any; None if it takes no file.

    `open_choices` are its choices, if ComfyUI does not hold it to them: a list of files, or one that is empty yet.
    """
    flags = [kinds for flag, kinds in UPLOADS.items() if options.get(flag)]
    if flags:
        return ANY_KIND if ANY_KIND in flags else frozenset().union(*flags)
    if open_choices is not None and all(is_file(choice) for choice in open_choices):
        return ANY_KIND
    return None


def is_file(choice: Any) -> bool:
    return isinstance(choice, str) and PurePath(choice).suffix.lower() in ENDINGS
