"""What can be refused about ComfyUI servers, their models and their node classes."""

from collections.abc import Iterable

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal


def server_not_found(name: str) -> Refusal:
    return Refusal(Code.SERVER_NOT_FOUND, f"no worker ever saw a server {name!r}, and none was added")


def server_exists(name: str, *, is_added: bool) -> Refusal:
    how = "it was added" if is_added else "COMFYUI_URLS of the workers names it"
    return Refusal(Code.SERVER_EXISTS, f"there is a server {name!r} already: {how}; PATCH changes it")


def server_in_settings(name: str) -> Refusal:
    detail = f"{name!r} is not removed here: COMFYUI_URLS of the workers names it; drain it, and take it out there"
    return Refusal(Code.SERVER_IN_SETTINGS, detail)


def kind_not_found(name: str, kinds: Iterable[str]) -> Refusal:
    return Refusal(Code.KIND_NOT_FOUND, f"there is no list of {name!r}; there are {', '.join(kinds)}")


def node_class_not_found(name: str, suggestion: str) -> Refusal:
    return Refusal(Code.NODE_CLASS_NOT_FOUND, f"no server has the node class {name!r}{suggestion}")
