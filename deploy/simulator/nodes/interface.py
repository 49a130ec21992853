"""A node class is declared once: what it takes, what it gives, and what running it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from deploy.simulator.nodes.folders import Folders
from deploy.simulator.nodes.image_cache import ImageCache

Inputs = Mapping[str, Any]
# (type,) or (type, options); the type is a name, a tuple of choices or a Shelf.
Spec = tuple[Any, ...]

NO_SPECS: Mapping[str, Spec] = {}
NO_FLAGS: Mapping[str, bool] = {}


class Shelf(Enum):
    """Choices that depend on what is installed."""

    CHECKPOINTS = auto()
    LORAS = auto()
    INPUT_IMAGES = auto()


class Effort(Enum):
    """Which of the paces a node takes; samplers keep their own time, step by step."""

    LOAD = auto()
    NODE = auto()
    SAMPLE = auto()


class Drawing(StrEnum):
    """How pictures are made: to look at, or as cheaply as a valid file can be."""

    REAL = "real"
    FLAT = "flat"


@dataclass(frozen=True)
class Stock:
    """What this server offers."""

    checkpoints: tuple[str, ...]
    loras: tuple[str, ...]
    folders: Folders
    embeddings: tuple[str, ...] = ()
    images: ImageCache = field(default_factory=ImageCache)

    def on(self, shelf: Shelf) -> tuple[str, ...]:
        match shelf:
            case Shelf.CHECKPOINTS:
                return self.checkpoints
            case Shelf.LORAS:
                return self.loras
            case Shelf.INPUT_IMAGES:
                return tuple(self.folders.input_images())


@dataclass(frozen=True)
class Preview:
    """A picture on its way: `kind` is "JPEG" or "PNG", `encoded` its bytes."""

    kind: str
    encoded: bytes


@dataclass(frozen=True)
class Workbench:
    """What a running node may use besides its inputs.

    `spend_step()` takes the time of a sampler step and raises if the prompt is interrupted meanwhile;
    `wait(seconds, heeds=...)` lasts as long as it says, and is interrupted only if it heeds that.
    `report(value, maximum, preview)` says how far the node is; `halfway()` marks a half-written file.
    `say(event, data)` and `send_bytes(frame)` send the client whatever a node likes.
    """

    folders: Folders
    images: ImageCache
    drawing: Drawing
    prompt: Mapping[str, Any]
    extra_pnginfo: Any
    wants_previews: bool
    spend_step: Callable[[], None]
    wait: Callable[..., None]
    report: Callable[[float, float, Preview | None], None]
    halfway: Callable[[], None]
    say: Callable[[str, dict[str, Any]], None]
    send_bytes: Callable[[bytes], None]
    secrets: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The output values, and what the node shows to the user (`None`: it is no such node)."""

    values: tuple[Any, ...] = ()
    shown: Mapping[str, Any] | None = None


Run = Callable[[Workbench, Inputs], Result]


@dataclass(frozen=True)
class Node:
    """One node class. `schema` nodes are the newer kind, which /object_info describes in a second dialect."""

    name: str
    module: str
    category: str
    display_name: str | None
    required: Mapping[str, Spec]
    run: Run
    outputs: tuple[str, ...] = ()
    passes_on: str | None = None  # the input that newer versions give on from a node that saves or shows it
    optional: Mapping[str, Spec] = field(default_factory=lambda: NO_SPECS)
    output_node: bool = False
    takes_metadata: bool = False
    takes_id: bool = False
    takes_secrets: bool = False
    schema: bool = False
    flags: Mapping[str, bool] = field(default_factory=lambda: NO_FLAGS)
    effort: Effort = Effort.NODE
    refuses: Callable[[Folders, Inputs], dict[str, str]] | None = None
    fingerprint: Callable[[Folders, Inputs], str] | None = None

    def declared(self) -> dict[str, Spec]:
        return {**self.required, **self.optional}


def resolved(spec: Spec, stock: Stock) -> list[Any]:
    """An input as a client sees it: [type, options], with the choices this server has."""
    kind = spec[0]
    if isinstance(kind, Shelf):
        kind = stock.on(kind)
    return [list(kind) if isinstance(kind, tuple) else kind, *spec[1:]]
