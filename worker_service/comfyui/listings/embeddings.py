"""The embeddings that a server has: it lists them beside its node classes, none of which does."""

from http import HTTPStatus

from shared.jobs.errors import ComfyUIUnreachable
from shared.texts.storable import LONGEST_NAME
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.connection import ANSWER, Bounds
from worker_service.comfyui.texts.json_text import read_json

PATH = "/embeddings"
BOUNDS = Bounds(ANSWER.most_bytes // 8, within_s=10)
MOST = 10_000


def embeddings_of(client: ComfyUIClient) -> list[str]:
    """Their names, without the endings of their files; none on a server that lists none. Raises ComfyUIUnreachable."""
    status, content = client.ask("GET", PATH, bounds=BOUNDS, accepts={HTTPStatus.NOT_FOUND})
    if status != HTTPStatus.OK:
        return []
    try:
        said = read_json(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, list):
        raise ComfyUIUnreachable(client.name, f"{PATH} did not answer with a JSON list")
    names = (one for one in said if isinstance(one, str) and 0 < len(one) <= LONGEST_NAME)
    return list(dict.fromkeys(names))[:MOST]
