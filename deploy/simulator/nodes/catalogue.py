"""All node classes of this server, by name."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from deploy.simulator.nodes.animation import ANIMATION
from deploy.simulator.nodes.interface import Inputs, Node, Result, Workbench
from deploy.simulator.nodes.latents import LATENTS
from deploy.simulator.nodes.loaders import LOADERS
from deploy.simulator.nodes.pictures import PICTURES
from deploy.simulator.nodes.sampling import SAMPLING
from deploy.simulator.nodes.saving import SAVING
from deploy.simulator.nodes.sounds import SOUNDS
from deploy.simulator.nodes.tooling import TOOLING
from deploy.simulator.nodes.trouble.pack import TROUBLE

NODES = (*LOADERS, *LATENTS, *SAMPLING, *PICTURES, *SAVING, *ANIMATION, *SOUNDS, *TOOLING, *TROUBLE)


@cache
def catalogue(*, saving_nodes_give: bool) -> Mapping[str, Node]:
    """The classes of a version whose saving nodes also give what they save, or do not."""
    nodes = (_giving(node) if saving_nodes_give else node for node in NODES)
    return MappingProxyType({node.name: node for node in nodes})


def _giving(node: Node) -> Node:
    name = node.passes_on
    if name is None:
        return node
    kind = node.required[name][0]

    def run(bench: Workbench, inputs: Inputs) -> Result:
        return replace(node.run(bench, inputs), values=(inputs[name],))

    return replace(node, outputs=("STRING" if kind == "*" else kind,), run=run)
