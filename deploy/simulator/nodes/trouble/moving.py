"""Nodes that take their time, report odd progress, or send frames of their own."""

import io
from collections.abc import Mapping

from PIL import Image

from deploy.simulator.nodes.interface import Inputs, Node, Preview, Result, Spec, Workbench
from deploy.simulator.nodes.trouble.declaring import MEGABYTES, MIB, troublesome

NAN, INFINITE = float("nan"), float("inf")
VALUES: Mapping[str, float] = {"nan": NAN, "infinite": INFINITE, "negative": -5, "beyond": 500}
OF = 100
TIMES: Spec = ("INT", {"default": 1, "min": 1, "max": 100000})
HEADS: Mapping[str, bytes] = {"binary": b"\0\0\0\1\0\0\0\2", "unknown_event": b"\0\0\0\x4d", "short": b"\0\0\0\1"}


def wait(bench: Workbench, inputs: Inputs) -> Result:
    """So many steps of so many seconds. One that heeds nothing is not even interrupted, and reports nothing."""
    for step in range(1, inputs["steps"] + 1):
        bench.wait(inputs["seconds"], heeds=inputs["heeds"])
        if inputs["heeds"]:
            bench.report(step, inputs["steps"], None)
    return Result(shown={"text": ["waited"]})


def move(bench: Workbench, inputs: Inputs) -> Result:
    value = VALUES[inputs["what"]]
    for _ in range(inputs["times"]):
        bench.report(OF if value > OF else value, OF, None)
    return Result(shown={"text": ["moved"]})


def send(bench: Workbench, inputs: Inputs) -> Result:
    what, size = inputs["what"], inputs["megabytes"] * MIB
    for _ in range(inputs["times"]):
        if what == "text":
            bench.say("simulated.text", {"text": "x" * size})
        elif what == "preview":
            bench.report(1, 1, Preview("PNG", _picture()))
        else:
            bench.send_bytes(HEADS[what] + bytes(0 if what == "short" else size))
    return Result(shown={"text": ["sent"]})


def _picture() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64)).save(encoded, format="PNG")
    return encoded.getvalue()


WAIT: Node = troublesome(
    "SimulatedWait",
    {
        "steps": ("INT", {"default": 1, "min": 0, "max": 10000}),
        "seconds": ("FLOAT", {"default": 0.1, "min": 0.0, "max": 3600.0}),
        "heeds": ("BOOLEAN", {"default": True}),
    },
    wait,
)
PROGRESS: Node = troublesome("SimulatedProgress", {"what": (tuple(VALUES),), "times": TIMES}, move)
FRAMES: Node = troublesome(
    "SimulatedFrames",
    {
        "what": (("binary", "preview", "text", "unknown_event", "short"),),
        "megabytes": MEGABYTES,
        "times": ("INT", {"default": 1, "min": 1, "max": 10000}),
    },
    send,
    takes_id=True,
)
