"""Jobs whose nodes misbehave: what each does, and how such a job has to end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RAISED, REFUSED = frozenset({"node_failed"}), frozenset({"workflow_rejected"})
# Of the jobs of one deadly workflow the first end as poison, and by then it may be in quarantine: with it those that
# raise, as a workflow is known without its texts, and what their node is to do is one.
QUARANTINED = "workflow_quarantined"
DEADLY_ENDS = frozenset({"poison", QUARANTINED})


@dataclass(frozen=True)
class Content:
    """One node that does something odd. Its job is completed with `outputs`, or fails with one of `fails_with`.

    A deadly one ends the thread of each server that runs it, as long as somebody gives it another.
    """

    node: str
    inputs: Mapping[str, Any]
    outputs: int = 0
    fails_with: frozenset[str] = field(default=frozenset())
    is_deadly: bool = False
    leaves_damage: bool = False  # of which a second run is the proof

    def workflow(self, mark: str) -> dict[str, Any]:
        return {"odd": {"class_type": self.node, "inputs": dict(self.inputs), "_meta": {"title": mark}}}


def shows(what: str, outputs: int, *fails_with: str, leaves_damage: bool = False) -> Content:
    inputs = {"what": what, "prefix": f"chaos_{what}", "megabytes": 8 if what == "huge_text" else 1}
    return Content("SimulatedShow", inputs, outputs, frozenset(fails_with), leaves_damage=leaves_damage)


def fails(what: str, megabytes: int = 1) -> Content:
    return Content("SimulatedRaise", {"what": what, "megabytes": megabytes}, fails_with=RAISED | {QUARANTINED})


def kills(what: str) -> Content:
    return Content("SimulatedRaise", {"what": what, "megabytes": 1}, fails_with=DEADLY_ENDS, is_deadly=True)


def sends(what: str, megabytes: int, times: int) -> Content:
    return Content("SimulatedFrames", {"what": what, "megabytes": megabytes, "times": times}, outputs=1)


def moves(what: str, times: int) -> Content:
    return Content("SimulatedProgress", {"what": what, "times": times}, outputs=1)


# How many outputs it makes to show what.
SHOWN = {
    "tags": 1,
    "string": 1,
    "text_list": 2,
    "number": 2,
    "nested_files": 2,
    "deep_files": 1,
    "cp1252_text": 1,
    "utf16_text": 1,
    "surrogate_text": 1,
    "nul_text": 1,
    "no_ui": 0,
    "empty_ui": 0,
    "none_value": 0,
    "boolean": 1,
    "dict": 1,
    "bare_text": 1,
    "bare_number": 1,
    "bare_file": 1,
    "huge_text": 1,
}
BAD: Mapping[str, Content] = {
    "mixed": shows("mixed", 2, leaves_damage=True),
    "missing_file": shows("missing_file", 0, "output_missing", leaves_damage=True),
    "odd_type": shows("odd_type", 0, "output_refused"),
    "traversal": shows("traversal", 0, "output_refused"),
    "ffconcat_mp4": shows("ffconcat_mp4", 0, "output_corrupt", leaves_damage=True),
}
CONTENTS: Mapping[str, Content] = {
    **{f"shows {what}": shows(what, outputs) for what, outputs in SHOWN.items()},
    **{f"shows {what}": content for what, content in BAD.items()},
    **{f"raises {what}": fails(what) for what in ("nul", "told_surrogate", "empty_message", "plain")},
    **{f"raises {what}": fails(what, megabytes=8) for what in ("huge_message", "many_letters")},
    **{f"moves by {what}": moves(what, times=20) for what in ("nan", "infinite", "negative", "beyond")},
    "sends text": sends("text", megabytes=20, times=3),
    "sends binary": sends("binary", megabytes=20, times=3),
    **{f"sends {what}": sends(what, megabytes=1, times=5) for what in ("preview", "unknown_event", "short")},
}
DEADLY: Mapping[str, Content] = {
    f"dies of {what}": kills(what)
    for what in ("surrogate", "system_exit", "keyboard_interrupt", "base_exception", "unprintable")
}
EVERYTHING: Mapping[str, Content] = {**CONTENTS, **DEADLY}
