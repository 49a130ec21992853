"""An event as watchers read it, with the addresses of its outputs as they reach them."""

from collections.abc import Mapping
from typing import Any

from api_service.http.server.root_path import below_root
from shared.messaging.events import Event
from shared.models import EventType


def text_of(event: Event) -> str:
    """The event as JSON. Without a ROOT_PATH it is made once, however many watch it."""
    if event.type is not EventType.COMPLETED or not below_root(""):
        return event.text
    outputs = [placed(output) for output in event.data.get("outputs", ())]
    return event.model_copy(update={"data": {**event.data, "outputs": outputs}}).model_dump_json(exclude_none=True)


def placed(output: Mapping[str, Any]) -> dict[str, Any]:
    """What an event tells of an output. Of old ones there may be no address."""
    addresses = {"url": below_root(output["url"])} if output.get("url") else {}
    thumbnails = {size: below_root(address) for size, address in (output.get("thumbnails") or {}).items()}
    return {**output, **addresses, **({"thumbnails": thumbnails} if thumbnails else {})}
