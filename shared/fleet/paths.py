"""Which inputs of a node name a file or a folder, and which values of them lead out of ComfyUI's own folders: pure.

`/object_info` has no type for paths. An input is taken for one if the class says so in one of these ways:

- it takes an upload (`image_upload` and its kin; ComfyUI's `LoadImage`, `LoadVideo`, `Load3D`);
- it is a text with a name such as `filename_prefix`, `folder_name`, `model_path` or `directory`: so ComfyUI's own nodes
  call what they save to and load from, and so do the packs that read any path (VideoHelperSuite, WAS, Inspire);
- it is a text with an option that lists the endings of files (`vhs_path_extensions` of VideoHelperSuite);
- it is a choice, as lists of files are, and the value is not one that the server lists.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
WORDS = frozenset({"file", "files", "filename", "filenames", "dir", "dirs", "paths", "folders", "directories"})
ENDS = ("path", "folder", "directory", "filename")
# ComfyUI's own that are called otherwise: class and input.
OTHERS = frozenset({("SaveLoRA", "prefix")})
OPTIONS = ("path_extensions", "image_folder")  # end the names of options that say so

ANNOTATIONS = ("[input]", "[output]", "[temp]")  # end a path, and say which of ComfyUI's folders is meant
DRIVE = re.compile(r"[A-Za-z]:")
QUOTES = " \t\"'"
SIGNS = re.compile(r"[/\\~:\0]|\.\.")  # without one of these a text leads nowhere


def names_a_path(class_name: str, input_name: str, options: Mapping[str, Any]) -> bool:
    """Whether a text input is for a file or a folder, by its name or by its options."""
    words = [word.lower() for word in WORD.findall(input_name.rpartition(".")[2])]
    return (
        (class_name, input_name) in OTHERS
        or any(word in WORDS or word.endswith(ENDS) for word in words)
        or any(option.endswith(OPTIONS) for option in options)
    )


def leads_out(text: str) -> bool:
    """Whether a path, or one of several lines of them, is none within a folder that ComfyUI chooses."""
    return SIGNS.search(text) is not None and any(line_leads_out(line) for line in text.splitlines())


def line_leads_out(line: str) -> bool:
    path = line.strip(QUOTES)
    if path.endswith(ANNOTATIONS):
        path = path[: path.rindex("[")].strip(QUOTES)
    if "\0" in path or path.startswith(("/", "\\", "~")) or path.lower().startswith("file:") or DRIVE.match(path):
        return True
    return any(part.strip() == ".." for part in path.replace("\\", "/").split("/"))


def texts_in(value: Any) -> Iterator[str]:
    """The texts of a value that a node may take for paths: itself, or those it lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (part for part in value if isinstance(part, str))
