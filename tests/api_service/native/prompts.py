"""Prompts for tests of ComfyUI's own API: posted there, run by a worker that a test plays, and told on a socket."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlmodel import select
from starlette.testclient import TestClient, WebSocketTestSession

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.messaging.events import Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, GenerationJob, NativePrompt
from shared.storage.opening import open_storage
from tests.jobs import answering, claimed, output
from tests.simulator.graphs import Graph, noise

Told = tuple[str, dict[str, Any]]


def posted(client: TestClient, graph: Graph | None = None, **body: Any) -> str:
    """The id of a prompt that was accepted."""
    answer = client.post("/prompt", json={"prompt": graph or noise(), **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def job_of(messenger: Messenger, prompt_id: str) -> GenerationJob:
    with messenger.transaction() as session:
        name = session.exec(select(NativePrompt).where(NativePrompt.prompt_id == UUID(prompt_id))).one()
        return session.get_one(GenerationJob, name.job_id)


def begun(messenger: Messenger) -> Claim:
    """The oldest prompt that waits, as a worker has it now."""
    answering(messenger)
    claim = claimed(messenger)
    assert claim is not None
    return claim


def completed(messenger: Messenger, claim: Claim, *files: dict[str, Any]) -> None:
    """Its end, with an output of node 9 for each of these."""
    outputs = [
        output(claim, number, **{"node_id": "9", "key": "images", "type": "output", **values})
        for number, values in enumerate(files or ({},))
    ]
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, outputs)


def ended(client: TestClient, messenger: Messenger, *files: dict[str, Any], **body: Any) -> str:
    """A prompt that was posted and is complete."""
    prompt_id = posted(client, **body)
    completed(messenger, begun(messenger), *files)
    return prompt_id


def put(settings: Settings, folder: Path, path: str, content: bytes) -> None:
    """A file in the store."""
    (folder / "file").write_bytes(content)
    open_storage(settings).store.put({path: folder / "file"})


def progress(messenger: Messenger, claim: Claim, tick: int, node_id: str, step: int = 0, steps: int = 0) -> None:
    """How far its worker says it is."""
    data = {"percentage": 1.0, "node_id": node_id, "node_type": "X", "step": step, "steps": steps}
    job = claim.job
    messenger.publish(Event.live(EventType.PROCESSING, job, at=job.updated_at, tick=tick, data=data))


def told(socket: WebSocketTestSession) -> Told:
    message = json.loads(socket.receive_text())
    return message["type"], message["data"]


def until(socket: WebSocketTestSession, kind: str, **data: Any) -> list[Told]:
    """What is told up to a message of that kind with these data."""
    found: list[Told] = []
    while not (found and found[-1][0] == kind and data.items() <= found[-1][1].items()):
        found.append(told(socket))
    return found


def until_remaining(socket: WebSocketTestSession, remaining: int) -> list[Told]:
    return until(socket, "status", status={"exec_info": {"queue_remaining": remaining}})


def about(messages: list[Told], prompt_id: str) -> list[str]:
    """The kinds of the messages about a prompt, but for how far its nodes are."""
    return [kind for kind, data in messages if data.get("prompt_id") == prompt_id and kind != "progress_state"]
