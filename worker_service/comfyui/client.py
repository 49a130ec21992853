"""ComfyUI over HTTP, one client a server: every wait has a bound, and every answer is checked before it is believed."""

import hashlib
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from shared.jobs.errors import (
    ComfyUIUnreachable,
    OutputCorrupt,
    OutputMissing,
    OutputTooLarge,
    OutputWithheld,
    ServerUnfit,
    StorageUnavailable,
    WorkflowRejected,
)
from shared.texts.reasons import reason_of
from shared.texts.storable import LONGEST_NAME
from worker_service.comfyui.answers import (
    Finished,
    Gone,
    Queue,
    Running,
    Whereabouts,
    in_history,
    in_queue,
    queue_of,
    refusal,
    version_in,
)
from worker_service.comfyui.connection import ANSWER, PACE, AnswerTooLarge, Bounds, Pace, ServerConnection, unpacked
from worker_service.comfyui.connection import Answer as WholeAnswer
from worker_service.comfyui.history_outputs import OutputFile
from worker_service.comfyui.http.answer import Answer as Response
from worker_service.comfyui.http.failures import AnswerBroken
from worker_service.comfyui.places import place_of
from worker_service.comfyui.socket_health import SocketHealth
from worker_service.comfyui.texts.json_text import read_json
from worker_service.comfyui.texts.queue_text import without_graphs

# Without custom nodes it has 1 MB. A server with many models and a slow disk takes long to list them.
LARGEST_OBJECT_INFO = ANSWER.most_bytes
OBJECT_INFO = Bounds(LARGEST_OBJECT_INFO, within_s=120, silence_s=60)
SUBMIT = Bounds(ANSWER.most_bytes, within_s=60, silence_s=30)  # a large workflow is validated in the request
REPLACEMENTS = Bounds(ANSWER.most_bytes // 8, within_s=10)
NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError)
LARGEST_OUTPUT = 2 * 1024**3


class ComfyUIClient:
    """One server. Each method may raise ComfyUIUnreachable; all are safe to call from several threads."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """`tls` is what its certificate is held to, by default what this machine trusts."""
        self.connection = ServerConnection(url, tls)
        self.tls = tls
        self.url = self.connection.url
        self.name = self.connection.name
        self.socket_health = SocketHealth(self.name)
        self.largest_output = LARGEST_OUTPUT  # bytes

    def submit(
        self, graph: Mapping[str, Any], *, prompt_id: str, client_id: str, extra_data: Mapping[str, Any] | None = None
    ) -> None:
        """Queue a graph under an id of the caller's. Raises WorkflowRejected with every node error.

        Always with a client_id (else a cached result has no outputs), never with `number` or `front`. A server error
        or a lost answer may have queued it all the same: the caller looks for the prompt before it sends another.
        """
        body: dict[str, Any] = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra_data:
            body["extra_data"] = extra_data
        accepts = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        status, answer = self.ask("POST", "/prompt", bounds=SUBMIT, accepts=accepts, json=body)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise WorkflowRejected("the workflow is larger than ComfyUI accepts")
        found = self.json_object(answer, "/prompt")
        if status == HTTPStatus.BAD_REQUEST:
            raise WorkflowRejected(*refusal(found))
        if (given := found.get("prompt_id")) != prompt_id:
            self.refuse_id(given)
        if errors := found.get("node_errors"):
            # ComfyUI would run the outputs that are valid, but the caller wants all of them or none.
            self.withdraw(prompt_id)
            raise WorkflowRejected(*refusal({"node_errors": errors}))

    def refuse_id(self, given: Any) -> None:
        """The server has queued the prompt under an id of its own: take it out, and raise ServerUnfit. An interrupt is
        sent only while it runs: such a server may take it for a wish to stop whatever runs."""
        if not isinstance(given, str) or len(given) > LONGEST_NAME:
            raise ComfyUIUnreachable(self.name, "POST /prompt answered without a prompt_id")
        self.take_out(given)
        if isinstance(self.locate(given), Running):
            self.withdraw(given)
        problem = "it does not take the prompt_id that the client chooses, but gives its own"
        raise ServerUnfit(self.name, problem)

    def take_out(self, prompt_id: str) -> None:
        """Take the prompt out of the queue; one that runs goes on. `locate` says what came of it."""
        self.ask("POST", "/queue", json={"delete": [prompt_id]})

    def locate(self, prompt_id: str) -> Whereabouts:
        """Where the prompt is now. The history is read again after the queue: it may have ended in between."""
        try:
            ended = self.ended(prompt_id)
            return ended or in_queue(self.queue_answer(), prompt_id) or self.ended(prompt_id) or Gone()
        except NOT_UNDERSTOOD as error:
            raise self.not_understood(error) from error

    def ended(self, prompt_id: str) -> Finished | None:
        """What the history says of a prompt. It says nothing until the prompt has ended, so one whose entry is too
        large to be read has ended, and so has one whose entry the server cannot write down, or only so that nobody
        understands it."""
        path = f"/history/{quote(prompt_id, safe='')}"
        try:
            status, content = self.connection.ask("GET", path, accepts={HTTPStatus.INTERNAL_SERVER_ERROR})
        except AnswerTooLarge as error:
            return Finished((), OutputTooLarge("the list of what it made", error.most_bytes))
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return self.withheld(prompt_id, f"it answers {status}")
        try:
            return in_history(self.json_object(content, path), prompt_id)
        except (ComfyUIUnreachable, *NOT_UNDERSTOOD):
            return self.withheld(prompt_id, "its answer is not understood")

    def withheld(self, prompt_id: str, reason: str) -> Finished | None:
        """A prompt whose entry cannot be had. A server that fails for every prompt is unreachable."""
        try:
            in_history(self.get(f"/history/{uuid4()}"), prompt_id)
            if in_queue(self.queue_answer(), prompt_id):
                return None
        except NOT_UNDERSTOOD as error:
            raise self.not_understood(error) from error
        return Finished((), OutputWithheld("the list of what it made", reason))

    def not_understood(self, error: Exception) -> ComfyUIUnreachable:
        return ComfyUIUnreachable(self.name, f"its queue or history is not understood: {error!r}")

    def withdraw(self, prompt_id: str) -> None:
        """Take the prompt out of the queue, or interrupt it if it is running; nothing else is touched.

        Neither request says whether it did anything: `locate` does. An interrupt without a prompt_id would stop the
        prompt that runs, even somebody else's, so there is no such call here.
        """
        self.take_out(prompt_id)
        self.ask("POST", "/interrupt", json={"prompt_id": prompt_id})

    def queue(self) -> Queue:
        """What runs and what waits there, also prompts of others."""
        answer = self.queue_answer()
        try:
            return queue_of(answer)
        except (LookupError, TypeError, ValueError) as error:
            raise ComfyUIUnreachable(self.name, f"/queue did not answer with a queue: {error!r}") from error

    def queue_answer(self) -> dict[str, Any]:
        """The queue without its graphs, of which somebody else's may have any size."""
        return self.json_object(self.ask("GET", "/queue", kept=without_graphs).content, "/queue")

    def forget(self, prompt_id: str) -> None:
        """Take the prompt out of the history; its files stay. Nothing happens to one that is not there."""
        self.ask("POST", "/history", json={"delete": [prompt_id]})

    def free(self) -> None:
        """Have the server unload its models and forget cached results before the next prompt."""
        self.ask("POST", "/free", json={"unload_models": True, "free_memory": True})

    def version(self) -> str:
        """The server's version. A cheap way to see whether it answers."""
        return version_in(self.get("/system_stats"))

    def object_info(self, *, most: int = LARGEST_OBJECT_INFO, within_s: float = OBJECT_INFO.within_s) -> dict[str, Any]:
        """The server's node classes. Raises ComfyUIUnreachable for what is too large (bytes), too slow or no JSON."""
        bounds = OBJECT_INFO._replace(most_bytes=most, within_s=within_s)
        return self.json_object(self.ask("GET", "/object_info", bounds=bounds).content, "/object_info")

    def class_info(self, name: str) -> Any:
        """What the server says of one class; None if it has none of that name."""
        path = f"/object_info/{quote(name, safe='')}"
        return self.get(path).get(name)

    def devices(self) -> list[dict[str, Any]]:
        """The devices that the server computes with, and their memory."""
        devices = self.get("/system_stats").get("devices")
        return [device for device in devices if isinstance(device, dict)] if isinstance(devices, list) else []

    def node_replacements(self) -> dict[str, Any]:
        """The node classes that the server runs as others; none on servers that are too old to say so."""
        path = "/node_replacements"
        status, content = self.ask("GET", path, bounds=REPLACEMENTS, accepts={HTTPStatus.NOT_FOUND})
        return self.json_object(content, path) if status == HTTPStatus.OK else {}

    def download(self, file: OutputFile, into: Path, pace: Pace = PACE) -> str:
        """Read an output into a local file. Returns its SHA-256.

        Raises OutputMissing, OutputTooLarge, OutputCorrupt if the answer breaks off, ComfyUIUnreachable also for one
        that comes too slowly, and StorageUnavailable for the local file."""
        path, parameters = place_of(file)
        bounds = Bounds(self.largest_output, pace.within_s)
        with self.connection.opened("GET", path, bounds, params=parameters) as response:
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise ComfyUIUnreachable(self.name, self.connection.refused(response.status))
            if response.status != HTTPStatus.OK:
                raise OutputMissing(file.filename, response.status, path)
            try:
                return self.save(response, file, into, pace)
            except AnswerBroken as error:
                raise OutputCorrupt(file.filename, str(error)) from error
            except OSError as error:
                raise StorageUnavailable(file.filename, f"the worker's own disk: {reason_of(error)}") from error

    def save(self, response: Response, file: OutputFile, into: Path, pace: Pace) -> str:
        saved = paced = 0
        sha256 = hashlib.sha256()
        with into.open("wb") as local:
            for piece in unpacked(response):
                saved += local.write(piece)
                sha256.update(piece)
                if saved > self.largest_output:
                    raise OutputTooLarge(f"output {file.filename}", self.largest_output)
                if saved - paced >= pace.least_bytes:
                    paced = saved
                    self.connection.deadline.extend(pace.within_s)
        return sha256.hexdigest()

    def get(self, path: str) -> dict[str, Any]:
        return self.json_object(self.ask("GET", path).content, path)

    def ask(self, method: str, path: str, **options: Any) -> WholeAnswer:
        try:
            return self.connection.ask(method, path, **options)
        except AnswerTooLarge as error:
            raise ComfyUIUnreachable(self.name, str(error)) from error

    def json_object(self, content: bytes | bytearray, path: str) -> dict[str, Any]:
        try:
            body = read_json(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise ComfyUIUnreachable(self.name, f"{path} did not answer with a JSON object")
        return body

    def close(self) -> None:
        self.connection.close()
