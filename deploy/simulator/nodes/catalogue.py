"""All node classes of this server, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from deploy.simulator.nodes.animation import ANIMATION
from deploy.simulator.nodes.interface import Node
from deploy.simulator.nodes.loaders import LOADERS
from deploy.simulator.nodes.pictures import PICTURES
from deploy.simulator.nodes.sampling import SAMPLING
from deploy.simulator.nodes.saving import SAVING
from deploy.simulator.nodes.sounds import SOUNDS

NODES: Mapping[str, Node] = MappingProxyType(
    {node.name: node for node in (*LOADERS, *SAMPLING, *PICTURES, *SAVING, *ANIMATION, *SOUNDS)}
)
