"""SimulatedShow shows what node packs show besides pictures: texts, numbers, nested files, files that are not there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.simulator.nodes.folders import Folders
from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.trouble.declaring import MEGABYTES, MIB, troublesome

CAPTION = "caf\xe9 \u2013 na\xefve"
# 60,000 x 60,000 px, and none of them in it.
BOMB = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000ea600000ea6008020000000fb0e215000000"
    "0849444154789c030000000001480689d20000000049454e44ae426082"
)
PLAYLIST = b"ffconcat version 1.0\n" + b"file x.png\n" * 1000


@dataclass(frozen=True)
class Showcase:
    """What is shown is made of: a prefix for file names, a size, and the output folder."""

    folders: Folders
    prefix: str
    size: int

    def put(self, suffix: str, content: bytes) -> dict[str, str]:
        """A file in the output folder, whatever was there, and how it is listed."""
        (self.folders.output / f"{self.prefix}{suffix}").write_bytes(content)
        return listed(f"{self.prefix}{suffix}")

    def nested_files(self) -> dict[str, Any]:
        return {"files": [[self.put("_a.txt", b"a"), self.put("_b.txt", b"b")]]}

    def deep_files(self) -> dict[str, Any]:
        return {"result": [{"pages": {"first": self.put("_deep.txt", b"deep")}}]}

    def mixed(self) -> dict[str, Any]:
        """One good file and two that cannot be read."""
        bad = [listed(f"{self.prefix}_gone.png"), self.put(".glb", b"")]
        return {"files": [self.put("_good.txt", b"good"), *bad]}


def listed(name: str, subfolder: str = "", kind: str = "output") -> dict[str, str]:
    return {"filename": name, "subfolder": subfolder, "type": kind}


SHOWN: Mapping[str, Callable[[Showcase], dict[str, Any]]] = {
    "tags": lambda _case: {"tags": ["1girl, solo"]},
    "string": lambda _case: {"string": ["a caption"]},
    "text_plain": lambda _case: {"text": list("plain")},  # The real server takes a bare text apart.
    "text_list": lambda _case: {"text": ["one", "two"]},
    "number": lambda _case: {"number": [3, 2.5]},
    "nested_files": Showcase.nested_files,
    "deep_files": Showcase.deep_files,
    "missing_file": lambda case: {"images": [listed(f"{case.prefix}_gone.png")]},
    "empty_glb": lambda case: {"3d": [case.put(".glb", b"")]},
    "cp1252_text": lambda case: {"files": [case.put(".txt", CAPTION.encode("cp1252"))]},
    "empty_file_name": lambda _case: {"images": [listed("")]},
    "no_ui": lambda _case: {},
    "empty_ui": lambda _case: {},
    "surrogate_text": lambda _case: {"text": ["\ud800"]},
    "nul_text": lambda _case: {"text": ["a\x00b"]},
    "nan_number": lambda _case: {"number": [float("nan"), float("inf")]},
    "huge_text": lambda case: {"text": ["word " * (case.size // 5)]},
    "ffconcat_mp4": lambda case: {"images": [case.put(".mp4", PLAYLIST)], "animated": [True]},
    "odd_type": lambda _case: {"images": [listed("x.png", kind="elsewhere")]},
    "traversal": lambda _case: {"images": [listed("../x.png", "../..")]},
    "none_value": lambda _case: {"text": [None]},
    "utf16_text": lambda case: {"files": [case.put(".txt", CAPTION[:4].encode("utf-16"))]},
    "boolean": lambda _case: {"flag": [True]},
    "dict": lambda _case: {"scores": [{"cat": 0.9}]},
}
# Not recorded: what some packs and forks are said to leave in the history without the server's taking it apart.
UNRECORDED: Mapping[str, Callable[[Showcase], dict[str, Any]]] = {
    "mixed": Showcase.mixed,
    "huge_file": lambda case: {"files": [case.put(".bin", bytes(case.size))]},
    "bomb_png": lambda case: {"images": [case.put(".png", BOMB)]},
    # The server would have to say this name in a header, and breaks off, as the real one does.
    "line_break_in_name": lambda case: {"files": [case.put("_a\nb.txt", b"a")]},
    "bare_text": lambda _case: {"text": "plain"},
    "bare_number": lambda _case: {"number": 5},
    "bare_file": lambda case: {"file": case.put(".txt", b"bare")},
}
EVERYTHING = {**SHOWN, **UNRECORDED}


def show(bench: Workbench, inputs: Inputs) -> Result:
    case = Showcase(bench.folders, inputs["prefix"], inputs["megabytes"] * MIB)
    return Result(shown=EVERYTHING[inputs["what"]](case) or None)


SHOW: Node = troublesome(
    "SimulatedShow",
    {"what": (tuple(EVERYTHING),), "prefix": ("STRING", {"default": "shown"}), "megabytes": MEGABYTES},
    show,
)
