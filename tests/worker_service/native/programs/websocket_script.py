"""A script as hundreds are written around websocket-client and urllib: `websocket_script.py ADDRESS GRAPH SENDER`."""

import json
import sys
import urllib.parse
import urllib.request
import uuid
from typing import Any

import websocket  # type: ignore[import-not-found]

address, file, sender = sys.argv[1:]
with open(file) as opened:  # noqa: PTH123
    graph = json.load(opened)
client_id = str(uuid.uuid4())


def queue_prompt() -> str:
    """urllib says that this is a form."""
    data = json.dumps({"prompt": graph, "client_id": client_id}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}/prompt", data=data)) as answer:
        return str(json.loads(answer.read())["prompt_id"])


def fetch(path: str, **query: str) -> bytes:
    with urllib.request.urlopen(f"http://{address}{path}?{urllib.parse.urlencode(query)}") as answer:
        return bytes(answer.read())


socket = websocket.WebSocket()
socket.connect(f"ws://{address}/ws?clientId={client_id}")
prompt_id = queue_prompt()
sent, previews, current = [], 0, ""
while True:
    out = socket.recv()
    if not isinstance(out, str):
        if current == sender:
            sent.append(out[8:])
        else:
            previews += 1
        continue
    message: Any = json.loads(out)
    if message["type"] == "executing" and message["data"].get("prompt_id") == prompt_id:
        if message["data"]["node"] is None:
            break
        current = message["data"]["node"]
socket.close()
history = json.loads(fetch(f"/history/{prompt_id}"))[prompt_id]
images = [image for output in history["outputs"].values() for image in output.get("images", [])]
files = [fetch("/view", filename=one["filename"], subfolder=one["subfolder"], type=one["type"]) for one in images]
sys.stdout.write(
    json.dumps({"sent": [one[1:4].decode() for one in sent], "files": [one[1:4].decode() for one in files]})
)
