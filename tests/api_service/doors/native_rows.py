"""What ComfyUI's own API answers to whom: a scope, a status and what is sent, by route. Under `/api` it is the same."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.models import Scope
from tests.simulator.graphs import txt2img

READ, WRITE = Scope.READ, Scope.WRITE
NOBODYS = "00000000-0000-4000-8000-000000000007"


class NativeRow(NamedTuple):
    who: Scope | str
    answer: int = 200
    body: Mapping[str, Any] | None = None
    files: Mapping[str, bytes] | None = None


NATIVE_ROWS: Mapping[tuple[str, str], NativeRow] = {
    ("POST", "/prompt"): NativeRow(WRITE, body={"prompt": txt2img()}),
    ("GET", "/prompt"): NativeRow(READ),
    ("GET", "/queue"): NativeRow(READ),
    ("POST", "/queue"): NativeRow(WRITE, body={"delete": [NOBODYS]}),
    ("POST", "/interrupt"): NativeRow(WRITE, body={}),
    ("GET", "/history"): NativeRow(READ),
    ("POST", "/history"): NativeRow(WRITE, body={"delete": [NOBODYS]}),
    ("GET", "/history/{prompt_id}"): NativeRow(READ),
    ("GET", "/jobs"): NativeRow(READ),
    ("GET", "/jobs/{prompt_id}"): NativeRow(READ, 404),
    ("POST", "/jobs/cancel"): NativeRow(WRITE, body={"job_ids": [NOBODYS]}),
    ("POST", "/jobs/{prompt_id}/cancel"): NativeRow(WRITE, body={}),
    ("GET", "/view"): NativeRow(READ, 400),  # it names no file
    ("POST", "/upload/image"): NativeRow(WRITE, files={"image": b"bytes"}),
    ("POST", "/upload/mask"): NativeRow(WRITE, files={"image": b"bytes"}),
    ("GET", "/object_info"): NativeRow(READ),
    ("GET", "/object_info/{node_class}"): NativeRow(READ),
    ("GET", "/models"): NativeRow(READ),
    ("GET", "/models/{folder}"): NativeRow(READ),
    ("GET", "/embeddings"): NativeRow(READ),
    ("GET", "/extensions"): NativeRow(READ),
    ("GET", "/experiment/models/{folder}"): NativeRow(READ),
    ("GET", "/settings"): NativeRow(READ),
    ("GET", "/users"): NativeRow(READ),
    ("GET", "/system_stats"): NativeRow(READ),
    ("GET", "/features"): NativeRow(READ),
    ("POST", "/free"): NativeRow(WRITE, body={}),
    ("GET", "/etn/model_info"): NativeRow(READ, 400),  # no server has told of any
    ("GET", "/etn/model_info/{folder}"): NativeRow(READ, 400),
    ("GET", "/etn/languages"): NativeRow(READ),
    ("GET", "/etn/translate/{language}/{text:path}"): NativeRow(READ, 404),
    ("PUT", "/etn/image/{picture_id}"): NativeRow(WRITE, 422),  # it has no bytes
    ("GET", "/etn/image/{picture_id}"): NativeRow(READ, 404),
    ("PUT", "/etn/upload/{folder}/{filename}"): NativeRow("open", 403),  # its client sends no key with it
    ("POST", "/etn/workflow/subscribe"): NativeRow(READ, body={}),
    ("POST", "/etn/workflow/unsubscribe"): NativeRow(READ, body={}),
    ("WS", "/ws"): NativeRow(READ),
}
