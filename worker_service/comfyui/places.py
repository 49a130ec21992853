"""Where a server has files: in its folders, or pictures in the cache that comfyui-tooling-nodes keep. Pure."""

from urllib.parse import quote

from worker_service.comfyui.history_outputs import OutputFile

CACHE = "/api/etn/image"


def picture_path(picture_id: str) -> str:
    return f"{CACHE}/{quote(picture_id, safe='')}"


def place_of(file: OutputFile) -> tuple[str, dict[str, str]]:
    """Where an output is asked for: the path, and the parameters."""
    if file.picture_id is not None:
        return picture_path(file.picture_id), {}
    return "/view", {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
