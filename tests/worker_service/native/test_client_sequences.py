"""What each client sends and reads, in its order: programs that are not Python's, or live in something else.

Each test is named after its client. The API and a worker run in this process, on a simulated ComfyUI.
"""

from json import dumps
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from tests.api_service.native.prompts import about, told
from tests.simulator.graphs import noise, txt2img
from tests.worker_service.native.sequences import done, pictures, polled, previewing

pytestmark = [pytest.mark.system, pytest.mark.landing]


def test_open_webui(client: TestClient) -> None:
    """Verifies by /object_info, listens first, and takes it for granted that the history has it at the end."""
    info = client.get("/object_info").json()
    assert [name for name in info["CheckpointLoaderSimple"]["input"]["required"] if "_name" in name]
    uploaded = client.post("/api/upload/image", files={"image": ("in.png", b"png")}, data={"type": "input"}).json()
    assert uploaded["name"] == "in.png"
    with client.websocket_connect("/ws?clientId=webui") as socket:
        prompt_id = client.post("/prompt", json={"prompt": previewing(), "client_id": "webui"}).json()["prompt_id"]
        done(socket, prompt_id)
        entry = client.get(f"/history/{prompt_id}").json()[prompt_id]
    assert entry["outputs"]["9"]["images"][0]["type"] == "temp"
    assert pictures(client, entry)


def test_sillytavern(keyless: tuple[TestClient, str]) -> None:
    """Knows an address alone, polls the whole history, and stops whatever runs when it leaves."""
    client, base = keyless
    assert client.get(f"{base}/system_stats").status_code == 200
    info = client.get(f"{base}/object_info").json()
    assert {"KSampler", "CheckpointLoaderSimple", "VAELoader"} <= info.keys()
    answer = client.post(f"{base}/prompt", content=f'{{"prompt": {dumps(noise())}}}').json()
    history = polled(lambda: (found := client.get(f"{base}/history").json()) and answer["prompt_id"] in found and found)
    entry = history[answer["prompt_id"]]
    assert entry["status"]["status_str"] == "success"
    assert pictures(client, entry, base)
    assert client.post(f"{base}/interrupt").status_code == 200


def test_swarmui(keyless: tuple[TestClient, str]) -> None:
    """Says what it understands first, ignores all before its start, and deletes each entry after its job."""
    client, base = keyless
    for path in ("/object_info", "/features"):
        assert client.get(f"{base}{path}").status_code == 200
    with client.websocket_connect(f"{base}/ws?clientId=swarm") as socket:
        socket.send_text('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}')
        body = {"prompt": txt2img(), "client_id": "swarm", "extra_data": {"preview_method": "auto"}}
        prompt_id = client.post(f"{base}/prompt", json=body).json()["prompt_id"]
        kinds: list[str] = []
        while "execution_success" not in kinds:
            message = socket.receive()
            text = message.get("text")
            if text is not None:
                assert text.startswith('{"type":')
                kinds.append(text.split('"')[3])
    assert kinds.index("execution_start") < kinds.index("executed")
    assert pictures(client, client.get(f"{base}/history/{prompt_id}").json()[prompt_id], base)
    assert client.post(f"{base}/history", json={"delete": [prompt_id]}).status_code == 200
    assert client.get(f"{base}/history/{prompt_id}").json() == {}
    assert client.post(f"{base}/free", json={"unload_models": True}).status_code == 200


def test_krita_ai_diffusion_sends_its_own_ids(client: TestClient) -> None:
    """Insists on its own prompt id, and takes a second start before the first end for an interruption."""
    assert client.get("/system_stats").json()["devices"][0].keys() >= {"name", "type", "vram_total"}
    with client.websocket_connect("/ws?clientId=krita") as socket:
        ids = [str(uuid4()) for _ in range(2)]
        for own in ids:
            body = {"prompt": noise(), "client_id": "krita", "prompt_id": own}
            assert client.post("/prompt", json=body).json()["prompt_id"] == own
        messages = done(socket, ids[1])
    order = [(data["prompt_id"], kind) for kind, data in messages if kind in {"execution_start", "execution_success"}]
    assert order == [(own, kind) for own in ids for kind in ("execution_start", "execution_success")]


def test_saintno_comfyui_sdk(client: TestClient) -> None:
    """Adopts the id it is given, and takes a prompt that is nowhere for lost."""
    assert client.get("/prompt").json() == {"exec_info": {"queue_remaining": 0}}
    with client.websocket_connect("/ws") as socket:
        sid = told(socket)[1]["sid"]
        body = {"prompt": noise(), "client_id": sid, "front": True, "number": -1}
        prompt_id = client.post("/prompt", json=body).json()["prompt_id"]
        places: list[bool] = []
        while not places or not places[-1]:
            queue = client.get("/queue").json()
            waits = prompt_id in [entry[1] for entries in queue.values() for entry in entries]
            ended = prompt_id in client.get("/history?max_items=100").json()
            assert waits or ended
            places.append(ended)
        done(socket, prompt_id)
    assert client.get(f"/history/{prompt_id}").json()[prompt_id]["status"]["completed"] is True
    for path in ("/extensions", "/embeddings", "/models", "/features", "/settings", "/users", "/object_info/KSampler"):
        assert client.get(path).status_code == 200
    for path in ("/userdata", "/i18n", "/internal/logs"):
        assert client.get(path).status_code == 404
    assert client.post("/upload/mask", files={"image": ("m.png", b"x")}, data={"original_ref": "{}"}).is_success


def test_comfyui_node(client: TestClient) -> None:
    """As saintno's, with /jobs and an interrupt that names its prompt."""
    assert client.get("/api/jobs?limit=1").json()["jobs"] == []
    assert client.get("/api/embeddings").json() == []
    with client.websocket_connect("/api/ws?clientId=node") as socket:
        prompt_id = client.post("/api/prompt", json={"prompt": noise(), "client_id": "node"}).json()["prompt_id"]
        messages = done(socket, prompt_id)
    assert about(messages, prompt_id)[-2:] == ["execution_success", "executing"]
    assert client.get(f"/api/jobs/{prompt_id}").json()["status"] == "completed"
    assert client.post("/api/interrupt", json={"prompt_id": prompt_id}).status_code == 200


def test_stable_canvas_and_artokun_mcp(client: TestClient) -> None:
    """Adds its id to every address, and listens at the root."""
    own = "?clientId=comfyui-mcp"
    assert client.get(f"/object_info{own}", headers={"comfy-user": "x"}).status_code == 200
    with client.websocket_connect(f"/ws{own}"):
        body = {"prompt": noise(), "client_id": "comfyui-mcp"}
        prompt_id = client.post(f"/prompt{own}", json=body).json()["prompt_id"]
        entry = polled(lambda: client.get(f"/history/{prompt_id}{own}").json().get(prompt_id))
    assert pictures(client, entry)
    assert client.get(f"/queue{own}").json() == {"queue_running": [], "queue_pending": []}


def test_joenorton_mcp_server(client: TestClient) -> None:
    """Takes what is not complete for failed: an entry is there only once it has ended."""
    assert "CheckpointLoaderSimple" in client.get("/object_info/CheckpointLoaderSimple").json()
    prompt_id = client.post("/prompt", json={"prompt": noise()}).json()["prompt_id"]
    entry = polled(lambda: client.get(f"/history/{prompt_id}").json().get(prompt_id))
    assert entry["status"]["completed"] is True
    assert client.head("/view", params=entry["outputs"]["9"]["images"][0]).status_code == 200


def test_n8n(client: TestClient) -> None:
    """What has left the queue must be in the history."""
    own = "?execution_id=7"
    assert client.get(f"/system_stats{own}").status_code == 200
    prompt_id = client.post(f"/prompt{own}", json={"prompt": noise(), "execution_id": "7"}).json()["prompt_id"]

    def has_left() -> bool:
        queue = client.get(f"/queue{own}").json()
        return prompt_id not in [entry[1] for entries in queue.values() for entry in entries]

    polled(has_left)
    entry = client.get(f"/history/{prompt_id}{own}").json()[prompt_id]
    assert entry["status"]["status_str"] == "success"
    assert {image["type"] for image in entry["outputs"]["9"]["images"]} == {"output"}


def test_dify(client: TestClient) -> None:
    """Sends no type with its JSON, and listens after that; it ends when nothing remains."""
    assert "checkpoints" in client.get("/models").json()
    assert "random_sd15.safetensors" in client.get("/models/checkpoints").json()
    assert client.post("/upload/image", files={"image": ("d.png", b"x")}, data={"overwrite": "true"}).is_success
    body = f'{{"prompt": {dumps(noise())}, "client_id": "dify"}}'
    prompt_id = client.post("/prompt", content=body).json()["prompt_id"]
    with client.websocket_connect("/ws?clientId=dify") as socket:
        kind, data = told(socket)
        assert (kind, data["sid"]) == ("status", "dify")
        if data["status"]["exec_info"]["queue_remaining"]:
            done(socket, prompt_id)
    history = client.get(f"/history?prompt_id={prompt_id}").json()
    assert pictures(client, history[prompt_id])


def test_home_assistant(keyless: tuple[TestClient, str]) -> None:
    """Listens after it has posted, and hears of an end that was before."""
    client, base = keyless
    prompt_id = client.post(f"{base}/prompt", json={"prompt": noise(), "client_id": "ha"}).json()["prompt_id"]
    polled(lambda: client.get(f"{base}/history/{prompt_id}").json())
    with client.websocket_connect(f"{base}/ws?clientId=ha") as socket:
        assert about(done(socket, prompt_id), prompt_id)[-1] == "executing"
    assert pictures(client, client.get(f"{base}/history/{prompt_id}").json()[prompt_id], base)


def test_aigodlike_blender(keyless: tuple[TestClient, str]) -> None:
    """Looks into the queue before it posts, and interrupts without a word."""
    client, base = keyless
    assert client.get(f"{base}/queue").json() == {"queue_running": [], "queue_pending": []}
    with client.websocket_connect(f"{base}/ws?clientId=blender") as socket:
        sid = told(socket)[1]["sid"]
        prompt_id = client.post(f"{base}/prompt", json={"prompt": noise(), "client_id": sid}).json()["prompt_id"]
        messages = done(socket, prompt_id)
    assert [data["output"]["images"] for kind, data in messages if kind == "executed"]
    assert client.post(f"{base}/interrupt", content=b"").status_code == 200


def test_comfyui_api_client(client: TestClient) -> None:
    """As comfyui-workflow-client: always the same file name, in a subfolder."""
    for content in (b"one", b"two"):
        answer = client.post("/upload/image", files={"image": ("temp.png", content)}, data={"subfolder": "temp"}).json()
        assert answer["subfolder"] == "temp"
    assert answer["name"] == "temp (1).png"
    with client.websocket_connect("/ws?clientId=api") as socket:
        prompt_id = client.post("/prompt", json={"prompt": noise(), "client_id": "api"}).json()["prompt_id"]
        done(socket, prompt_id)
    assert pictures(client, client.get(f"/history/{prompt_id}").json()[prompt_id])
