"""What all servers say of their node classes, as one `/object_info`: the union, as text that is ready to be sent.

A class is as the first server has it that is given jobs. Where others take more names for one of its inputs, such as
models, they are added behind. PostgreSQL keeps no order of keys, so inputs are put in the order that their class names.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, Text, cast, func
from sqlalchemy import select as columns_of
from sqlmodel import col

from api_service.fleet.capability_cache import of_seen_servers
from api_service.fleet.read_again import ReadAgain
from shared.database.engine import reading
from shared.fleet.servers import USABLE
from shared.models import ComfyUIServer, ServerCapabilities

QUICKLY = 3  # of gzip's levels: twice as quick as its usual one, and hardly larger


@dataclass(frozen=True)
class ObjectInfo:
    """The text of each class, and of all; `packed` by gzip. `tag` differs wherever the text does."""

    classes: Mapping[str, bytes] = field(default_factory=dict)
    whole: bytes = b"{}"
    packed: bytes = field(default_factory=lambda: gzip.compress(b"{}"))
    tag: str = '"none"'


class KnownDevices(NamedTuple):
    """A server that is given jobs, as `/system_stats` knows it."""

    server: str
    version: str | None
    devices: Sequence[Mapping[str, Any]]


class ObjectInfos(ReadAgain[ObjectInfo]):
    """The union, made anew when a server says something else."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(ObjectInfo())
        self.engine = engine
        self.digests: Sequence[str] | None = None

    def read(self) -> ObjectInfo:
        found = None
        with reading(self.engine) as session:
            digests = list(dict.fromkeys(session.scalars(DIGESTS).all()))
            if digests != self.digests:
                found = union(session.execute(pages_of(digest)).all() for digest in digests)
        self.digests = digests
        return self.known if found is None else as_text(found)


DIGESTS = of_seen_servers(ServerCapabilities.digest)


def pages_of(digest: str) -> Any:
    """The name of each class, and its page as text."""
    info = columns_of(col(ServerCapabilities.object_info)).where(col(ServerCapabilities.digest) == digest).limit(1)
    page = func.jsonb_each(info.scalar_subquery()).table_valued("key", "value")
    return columns_of(page.c.key, cast(page.c.value, Text))


def union(infos: Iterable[Iterable[Sequence[str]]]) -> dict[str, Any]:
    """All classes of several `/object_info`, those of the first one first. Of servers with the same page it is read
    once: most of thousands of classes are the same everywhere."""
    found: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for info in infos:
        for name, text in info:
            if texts.get(name) == text:
                continue
            page = json.loads(text)
            if name in found:
                add_choices(found[name], page)
            else:
                found[name], texts[name] = in_order(page), text
    return found


def in_order(page: Any) -> Any:
    """A class with its inputs as `input_order` has them; what that does not name comes last."""
    match page:
        case {"input": dict(sections), "input_order": dict(orders)}:
            return {**page, "input": {name: sorted_by(inputs, orders.get(name)) for name, inputs in sections.items()}}
    return page


def sorted_by(inputs: Any, order: Any) -> Any:
    if not isinstance(inputs, dict) or not isinstance(order, list):
        return inputs
    first = {name: inputs[name] for name in order if isinstance(name, str) and name in inputs}
    return {**first, **inputs}


def add_choices(page: Any, other: Any) -> None:
    """Add what another server takes for the inputs that both have."""
    match page, other:
        case {"input": dict(sections)}, {"input": dict(others)}:
            for section, inputs in sections.items():
                theirs = others.get(section)
                if isinstance(inputs, dict) and isinstance(theirs, dict):
                    for name, spec in inputs.items():
                        add_to_list(choices_of(spec), choices_of(theirs.get(name)))


def choices_of(spec: Any) -> list[Any]:
    """The names that an input takes: listed themselves, or as the options of a COMBO."""
    match spec:
        case [list(names), *_]:
            return names
        case ["COMBO", {"options": list(names)}, *_]:
            return names
    return []


def add_to_list(names: list[Any], others: Sequence[Any]) -> None:
    known = {name for name in names if isinstance(name, str)}
    if known:
        names += [name for name in others if isinstance(name, str) and name not in known]


def as_text(info: Mapping[str, Any]) -> ObjectInfo:
    classes = {name: json.dumps(page, separators=(",", ":")).encode() for name, page in info.items()}
    whole = b"{" + b",".join(json.dumps(name).encode() + b":" + page for name, page in classes.items()) + b"}"
    tag = hashlib.blake2b(whole, digest_size=12).hexdigest()
    return ObjectInfo(classes, whole, gzip.compress(whole, QUICKLY), f'"{tag}"')


def usable_devices(engine: Engine) -> Sequence[KnownDevices]:
    """The servers that are given jobs, by name."""
    statement = (
        columns_of(col(ComfyUIServer.name), col(ComfyUIServer.version), col(ServerCapabilities.devices))
        .join(ServerCapabilities, isouter=True)
        .where(USABLE)
        .order_by(col(ComfyUIServer.name))
    )
    with reading(engine) as session:
        rows: Sequence[Row[Any]] = session.execute(statement).all()
    return [KnownDevices(row.name, row.version, row.devices or ()) for row in rows]
