"""What clients see of the fleet: models by name, and node classes with their inputs and outputs."""

from typing import Self

from pydantic import BaseModel

from api_service.fleet.capability_cache import Capabilities, Holders
from shared.fleet.node_inputs import NodeInput
from shared.fleet.object_info import NodeClass


class ModelView(BaseModel, frozen=True):
    """A model, on how many servers it is, and whether one of them answers right now."""

    name: str
    servers: int
    available: bool


class ModelsView(BaseModel, frozen=True):
    """The models of a kind. `unknown_servers` never said what they have, and may have others."""

    kind: str
    items: list[ModelView]
    unknown_servers: int

    @classmethod
    def of(cls, kind: str, capabilities: Capabilities) -> Self:
        items = [
            ModelView(name=name, servers=holders.servers, available=holders.is_available)
            for name, holders in capabilities.models(kind).items()
        ]
        unknown = sum(server.catalogue is None for server in capabilities.servers)
        return cls(kind=kind, items=items, unknown_servers=unknown)


class NodeInputView(BaseModel, frozen=True):
    """An input of a node class. `choices` are the values of a `COMBO`; `minimum` and `maximum` bound a number."""

    name: str
    type: str
    required: bool
    choices: list[bool | int | float | str] | None
    minimum: float | int | None
    maximum: float | int | None

    @classmethod
    def of(cls, declared: NodeInput) -> Self:
        return cls(
            name=declared.name,
            type=declared.type,
            required=declared.is_required,
            choices=None if declared.choices is None else list(declared.choices),
            minimum=declared.minimum,
            maximum=declared.maximum,
        )


class NodeClassView(BaseModel, frozen=True):
    """A node class. `outputs` are types by slot; a workflow needs at least one node whose class is an `output_node`."""

    name: str
    inputs: list[NodeInputView]
    outputs: list[str]
    output_node: bool
    custom: bool
    servers: int
    available: bool

    @classmethod
    def of(cls, node: NodeClass, holders: Holders) -> Self:
        return cls(
            name=node.name,
            inputs=[NodeInputView.of(declared) for declared in node.inputs.values()],
            outputs=list(node.outputs),
            output_node=node.is_output,
            custom=not node.is_core,
            servers=holders.servers,
            available=holders.is_available,
        )
