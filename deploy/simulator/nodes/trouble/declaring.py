"""How these classes are declared: each shows something, takes plain values, and is never served from the cache."""

import time
from collections.abc import Mapping

from deploy.simulator.nodes.interface import Node, Run, Spec

MIB = 1 << 20
MEGABYTES: Spec = ("INT", {"default": 1, "min": 0, "max": 1000})


def troublesome(
    name: str, required: Mapping[str, Spec], run: Run, *, takes_id: bool = False, takes_secrets: bool = False
) -> Node:
    return Node(
        name,
        module="custom_nodes.pack",
        category="simulated",
        display_name=name,
        required=required,
        output_node=True,
        takes_id=takes_id,
        takes_secrets=takes_secrets,
        fingerprint=lambda _folders, _inputs: str(time.monotonic_ns()),
        run=run,
    )
