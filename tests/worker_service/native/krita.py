"""Krita AI Diffusion 1.53 as a server meets it: what it asks, in its order, and what it makes of the answers."""

import json
import zlib
from io import BytesIO
from typing import Any
from uuid import uuid4

from PIL import Image
from starlette.testclient import TestClient, WebSocketTestSession

from tests.simulator.graphs import Graph, node

TOOLING = {"ETN_LoadImageCache", "ETN_SaveImageCache", "ETN_Translate"}
FOLDERS = ("checkpoints", "diffusion_models", "unet_gguf")
PAGE = 8
FINISHED = bytes((0, 0, 0, 1, 0, 0, 0, 2))  # begins a frame whose picture is a result: it is a PNG


class Krita:
    """One open document, with the address that it was given."""

    def __init__(self, http: TestClient, base: str = "", **headers: str) -> None:
        self.http = http
        self.base = base
        self.headers = headers
        self.client_id = str(uuid4())
        self.languages: list[Any] = []
        self.places: list[dict[str, Any]] = []  # where in the document pictures belong
        self.models: dict[str, dict[str, Any]] = {}

    def get(self, path: str, **params: Any) -> Any:
        return self.http.get(f"{self.base}/{path}", params=params, headers=self.headers)

    def post(self, path: str, data: Any) -> Any:
        return self.http.post(f"{self.base}/{path}", json=data, headers=self.headers)

    def put(self, path: str, content: bytes, **headers: str) -> Any:
        kind = {"Content-Type": "application/octet-stream"}
        return self.http.put(f"{self.base}/{path}", content=content, headers=self.headers | kind | headers)

    def connect(self) -> None:
        """What it asks before it says *Connected*. Anything else than these answers ends there, with an error."""
        assert self.get("system_stats").json()["devices"][0].keys() >= {"name", "type", "vram_total"}
        with self.listening():
            pass
        nodes = self.get("object_info").json()
        assert nodes.keys() >= TOOLING
        self.languages = [(one["code"], one["name"]) for one in self.get("api/etn/languages").json()]
        for folder in FOLDERS:
            self.models[folder] = self.inspect(folder)
        assert self.models["checkpoints"]
        # It goes by the kind of each, and cannot do without.
        assert all(isinstance(info["base_model"], str) for models in self.models.values() for info in models.values())

    def inspect(self, folder: str) -> dict[str, Any]:
        """Page by page. A refusal is for its log: then it goes by the names of the files."""
        found: dict[str, Any] = {}
        offset, total = 0, 100
        while offset < total:
            answer = self.get(f"api/etn/model_info/{folder}", offset=offset, limit=PAGE)
            if answer.is_error:
                assert isinstance(answer.json()["error"], str)
                return {}
            page = answer.json()
            total = page.pop("_meta")["total"]
            found |= page
            offset += PAGE
        return found

    def listening(self) -> WebSocketTestSession:
        return self.http.websocket_connect(f"{self.base}/ws?clientId={self.client_id}", headers=self.headers)

    def subscribe(self) -> None:
        assert self.post("api/etn/workflow/subscribe", {"client_id": self.client_id}).is_success

    def enqueue(self, graph: Graph, *pictures: bytes) -> str:
        """Pictures first, then the prompt, which must keep its id."""
        for content in pictures:
            answer = self.put(f"api/etn/image/{picture_id(content)}", content)
            assert answer.is_success, answer.text
        prompt_id = str(uuid4())
        answer = self.post("prompt", {"prompt": graph, "client_id": self.client_id, "prompt_id": prompt_id})
        assert answer.status_code == 200, answer.text
        assert answer.json()["prompt_id"] == prompt_id
        return prompt_id

    def results(self, socket: WebSocketTestSession, prompt_id: str) -> list[bytes]:
        """The pictures of a prompt. Raises Ended where there is nothing to wait for any more."""
        active, found = None, list[bytes]()
        while True:
            message = socket.receive()
            if (frame := message.get("bytes")) is not None:
                found += [frame[len(FINISHED) :]] if frame.startswith(FINISHED) else []
                continue
            kind, data = read(message["text"])
            if kind == "execution_start":
                assert active is None, "it would take the one before for interrupted"
                active = data["prompt_id"]
            elif kind == "executing" and data["node"] is None:
                if active == prompt_id:
                    assert found, "it would say that nothing new was made"
                    return found
                active = None
            elif data.get("prompt_id") == prompt_id:
                found += self.hear(kind, data)

    def hear(self, kind: str, data: dict[str, Any]) -> list[bytes]:
        """What is told of a prompt: results that are named are fetched at once. Raises Ended."""
        if kind in {"execution_interrupted", "execution_error"}:
            raise Ended(kind, data)
        if kind != "executed":
            return []
        self.places += data["output"].get("info", [])
        named = [image for image in data["output"].get("images", []) if image.get("source") == "http"]
        answers = [self.get(f"api/etn/image/{image['id']}") for image in named]
        assert all(answer.status_code == 200 for answer in answers)
        return [answer.content for answer in answers]


def read(text: str) -> tuple[str, dict[str, Any]]:
    message = json.loads(text)
    return message["type"], message["data"]


class Ended(Exception):
    """A prompt was told to have ended otherwise."""

    def __init__(self, kind: str, data: dict[str, Any]) -> None:
        super().__init__(kind, data)
        self.kind = kind
        self.data = data


def picture_id(content: bytes) -> str:
    """Short, and made of the content alone: everybody's Krita calls the same picture the same."""
    return f"{zlib.crc32(content):08x}"


def canvas(colour: str, mode: str = "RGB", size: int = 32) -> bytes:
    encoded = BytesIO()
    Image.new(mode, (size, size), colour).save(encoded, "PNG")
    return encoded.getvalue()


def refining(content: bytes, kind: str = "PNG") -> Graph:
    """What is on the canvas, inverted."""
    return {
        "0": node("ETN_LoadImageCache", id=picture_id(content)),
        "1": node("ImageInvert", image=["0", 0]),
        "2": node("ETN_SaveImageCache", images=["1", 0], format=kind),
    }


def selecting(content: bytes) -> Graph:
    """The mask of what is on the canvas, as a picture."""
    return {
        "0": node("ETN_LoadImageCache", id=picture_id(content)),
        "1": node("MaskToImage", mask=["0", 1]),
        "2": node("ETN_SaveImageCache", images=["1", 0], format="PNG"),
    }


def colour_of(content: bytes) -> tuple[int, ...]:
    with Image.open(BytesIO(content)) as image:
        return tuple(image.convert("RGB").getpixel((0, 0)))  # type: ignore[arg-type]
