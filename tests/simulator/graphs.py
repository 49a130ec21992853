"""Small prompts for tests, and how to submit them."""

import itertools
from typing import Any

from tests.simulator.running import Execution, RunningSimulator

SEEDS = itertools.count(1)
Graph = dict[str, dict[str, Any]]


def noise(*, prefix: str = "noise", seed: int | None = None, size: int = 64, batch_size: int = 1) -> Graph:
    """Three nodes and no model; without a seed a new one, so that nothing but the first node can be cached."""
    return {
        "1": node("EmptyImage", width=size, height=size, batch_size=batch_size, color=8421504),
        "2": node("ImageAddNoise", image=["1", 0], seed=next(SEEDS) if seed is None else seed, strength=0.5),
        "9": node("SaveImage", images=["2", 0], filename_prefix=prefix),
    }


def txt2img(*, seed: int | None = None, steps: int = 3, text: str = "a cat", size: tuple[int, int] = (64, 64)) -> Graph:
    """A checkpoint, two texts, a sampler (node 3), a decoder and a saved file (node 9)."""
    sampling = {"steps": steps, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="random_sd15.safetensors"),
        "5": node("EmptyLatentImage", width=size[0], height=size[1], batch_size=1),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="bad", clip=["4", 1]),
        "3": node("KSampler", seed=next(SEEDS) if seed is None else seed, **sampling, **links),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="t2i"),
    }


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def submit(simulator: RunningSimulator, prompt_id: str, graph: Graph, **body: Any) -> str:
    answer = simulator.http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id, **body})
    assert answer.status_code == 200, answer.text
    return prompt_id


def run(simulator: RunningSimulator, prompt_id: str, graph: Graph, **body: Any) -> Execution:
    """Submit a prompt and wait until it is over."""
    submit(simulator, prompt_id, graph, **body)
    return simulator.wait_finished(prompt_id)


def past(simulator: RunningSimulator, prompt_id: str) -> Any:
    """Its history entry; None if there is none."""
    return simulator.http.get(f"/history/{prompt_id}").json().get(prompt_id)


def files(simulator: RunningSimulator, prompt_id: str, node_id: str = "9") -> list[str]:
    """The names of the files an output node listed."""
    return [image["filename"] for image in past(simulator, prompt_id)["outputs"][node_id]["images"]]


def view(simulator: RunningSimulator, filename: str) -> bytes:
    answer = simulator.http.get("/view", params={"filename": filename})
    assert answer.status_code == 200
    return answer.content
