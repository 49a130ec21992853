"""ComfyUI over HTTP, one client a server: every wait has a bound, and every answer is checked before it is believed."""

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from shared.jobs.errors import ComfyUIUnreachable, OutputCorrupt, OutputMissing, ServerUnfit, WorkflowRejected
from worker_service.comfyui.answers import (
    Gone,
    OutputFile,
    Queue,
    Running,
    Whereabouts,
    in_history,
    in_queue,
    queue_of,
    refusal,
)

TIMEOUT = httpx.Timeout(10, connect=3)
SUBMIT_S = 30  # a large workflow is validated in the request
CHUNK = 256 * 1024
LARGEST_OBJECT_INFO = 32 * 1024 * 1024  # 0.6 MB without custom nodes
OBJECT_INFO_S = 30


class ComfyUIClient:
    """One server. Each method may raise ComfyUIUnreachable; all are safe to call from several threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = server_name(url)
        self.http = httpx.Client(base_url=url, timeout=TIMEOUT, limits=httpx.Limits(max_connections=32))

    def submit(self, graph: Mapping[str, Any], *, prompt_id: str, client_id: str, previews: bool = False) -> None:
        """Queue a graph under an id of the caller's. Raises WorkflowRejected with every node error.

        Always with a client_id (else a cached result has no outputs), never with `number` or `front`. A server error
        or a lost answer may have queued it all the same: the caller looks for the prompt before it sends another.
        """
        body: dict[str, Any] = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if previews:
            body["extra_data"] = {"preview_method": "latent2rgb"}
        response = self.request("POST", "/prompt", json=body, timeout=SUBMIT_S)
        if response.status_code == HTTPStatus.BAD_REQUEST:
            raise WorkflowRejected(*refusal(self.json(response)))
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise WorkflowRejected("the workflow is larger than ComfyUI accepts")
        answer = self.json(response)
        if (given := answer.get("prompt_id")) != prompt_id:
            self.refuse_id(given)
        if found := answer.get("node_errors"):
            # ComfyUI would run the outputs that are valid, but the caller wants all of them or none.
            self.withdraw(prompt_id)
            raise WorkflowRejected(*refusal({"node_errors": found}))

    def refuse_id(self, given: Any) -> None:
        """The server has queued the prompt under an id of its own: take it out, and raise ServerUnfit. An interrupt is
        sent only while it runs: such a server may take it for a wish to stop whatever runs."""
        if not isinstance(given, str):
            raise ComfyUIUnreachable(self.name, "POST /prompt answered without a prompt_id")
        self.take_out(given)
        if isinstance(self.locate(given), Running):
            self.withdraw(given)
        problem = "it does not take the prompt_id that the client chooses, but gives its own"
        raise ServerUnfit(self.name, problem)

    def take_out(self, prompt_id: str) -> None:
        """Take the prompt out of the queue; one that runs goes on. `locate` says what came of it."""
        self.request("POST", "/queue", json={"delete": [prompt_id]})

    def locate(self, prompt_id: str) -> Whereabouts:
        """Where the prompt is now. The history is read again after the queue: it may have ended in between."""
        return (
            in_history(self.get(f"/history/{prompt_id}"), prompt_id)
            or in_queue(self.get("/queue"), prompt_id)
            or in_history(self.get(f"/history/{prompt_id}"), prompt_id)
            or Gone()
        )

    def withdraw(self, prompt_id: str) -> None:
        """Take the prompt out of the queue, or interrupt it if it is running; nothing else is touched.

        Neither request says whether it did anything: `locate` does. An interrupt without a prompt_id would stop the
        prompt that runs, even somebody else's, so there is no such call here.
        """
        self.take_out(prompt_id)
        self.request("POST", "/interrupt", json={"prompt_id": prompt_id})

    def queue(self) -> Queue:
        """What runs and what waits there, also prompts of others."""
        answer = self.get("/queue")
        try:
            return queue_of(answer)
        except (KeyError, IndexError, TypeError) as error:
            raise ComfyUIUnreachable(self.name, f"/queue did not answer with a queue: {error!r}") from error

    def free(self) -> None:
        """Have the server unload its models and forget cached results before the next prompt."""
        self.request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def version(self) -> str:
        """The server's version. A cheap way to see whether it answers."""
        return str(self.get("/system_stats").get("system", {}).get("comfyui_version", "unknown"))

    def object_info(self, *, most: int = LARGEST_OBJECT_INFO, within_s: float = OBJECT_INFO_S) -> dict[str, Any]:
        """The server's node classes. Raises ComfyUIUnreachable for what is too large (bytes), too slow or no JSON."""
        deadline = time.monotonic() + within_s
        content = bytearray()
        try:
            with self.http.stream("GET", "/object_info") as response:
                # Without a chunk size: httpx would wait until a chunk is full, however slowly that comes.
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > most:
                        raise ComfyUIUnreachable(self.name, f"/object_info has more than {most} bytes")
                    if time.monotonic() > deadline:
                        raise ComfyUIUnreachable(self.name, f"/object_info takes longer than {within_s} s")
        except httpx.TransportError as error:
            raise unreachable(self.name, error) from error
        if response.status_code != HTTPStatus.OK:
            raise ComfyUIUnreachable(self.name, f"GET /object_info answered {response.status_code}")
        return self.json_object(content, "/object_info")

    def devices(self) -> list[dict[str, Any]]:
        """The devices that the server computes with, and their memory."""
        devices = self.get("/system_stats").get("devices")
        return [device for device in devices if isinstance(device, dict)] if isinstance(devices, list) else []

    def download(self, file: OutputFile, into: Path) -> None:
        """Read an output into a local file. Raises OutputMissing, or OutputCorrupt if the answer breaks off."""
        parameters = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        try:
            with self.http.stream("GET", "/view", params=parameters) as response, into.open("wb") as local:
                if response.status_code != HTTPStatus.OK:
                    raise OutputMissing(file.filename, response.status_code)
                for chunk in response.iter_bytes(CHUNK):
                    local.write(chunk)
        except httpx.RemoteProtocolError as error:
            raise OutputCorrupt(file.filename, str(error)) from error
        except httpx.TransportError as error:
            raise unreachable(self.name, error) from error

    def get(self, path: str) -> dict[str, Any]:
        return self.json(self.request("GET", path))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise unreachable(self.name, error) from error
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ComfyUIUnreachable(self.name, f"{method} {path} answered {response.status_code}")
        return response

    def json(self, response: httpx.Response) -> dict[str, Any]:
        return self.json_object(response.content, response.request.url.path)

    def json_object(self, content: bytes | bytearray, path: str) -> dict[str, Any]:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise ComfyUIUnreachable(self.name, f"{path} did not answer with a JSON object")
        return body

    def close(self) -> None:
        self.http.close()


def server_name(url: str) -> str:
    """The server's URL without user and password: its name in rows, logs and events."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def unreachable(server: str, error: httpx.TransportError) -> ComfyUIUnreachable:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return ComfyUIUnreachable(server, f"{type(error).__name__} {error}".strip(), refused=cause is not None)
