"""Every node class can be run."""

from typing import Any

import pytest

from tests.simulator.graphs import Graph, node, past, run, submit
from tests.simulator.listening import listening
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.system, pytest.mark.landing]

PICTURE = {"1": node("EmptyImage", width=64, height=48, batch_size=2, color=255)}
MODEL = {"4": node("CheckpointLoaderSimple", ckpt_name="random_sd15.safetensors")}
ADVANCED: dict[str, Any] = {
    "add_noise": "enable",
    "noise_seed": 1,
    "steps": 6,
    "cfg": 7.0,
    "sampler_name": "euler",
    "scheduler": "normal",
    "start_at_step": 2,
    "end_at_step": 5,
    "return_with_leftover_noise": "disable",
    "positive": ["6", 0],
    "negative": ["6", 0],
}

GRAPHS: dict[str, Graph] = {
    "LoraLoaderModelOnly, CLIPSetLastLayer, VAELoader, KSamplerAdvanced": MODEL
    | {
        "10": node("LoraLoaderModelOnly", model=["4", 0], lora_name="random_lora.safetensors", strength_model=1.0),
        "11": node("CLIPSetLastLayer", clip=["4", 1], stop_at_clip_layer=-2),
        "12": node("VAELoader", vae_name="pixel_space"),
        "6": node("CLIPTextEncode", text="a cat", clip=["11", 0]),
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": node("KSamplerAdvanced", **ADVANCED, model=["10", 0], latent_image=["5", 0]),
        "8": node("VAEDecode", samples=["3", 0], vae=["12", 0]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="x"),
    },
    "ImageScale": PICTURE
    | {
        "2": node("ImageScale", image=["1", 0], upscale_method="lanczos", width=32, height=0, crop="disabled"),
        "3": node("ImageScale", image=["2", 0], upscale_method="area", width=16, height=16, crop="center"),
        "9": node("SaveImage", images=["3", 0], filename_prefix="x"),
    },
    "ImageInvert, ImageBlur, ImageBatch": PICTURE
    | {
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("ImageBlur", image=["2", 0], blur_radius=3, sigma=1.0),
        "4": node("ImageBatch", image1=["1", 0], image2=["3", 0]),
        "9": node("SaveImage", images=["4", 0], filename_prefix="x"),
    },
    "SaveWEBM with av1": PICTURE
    | {"9": node("SaveWEBM", images=["1", 0], filename_prefix="x", codec="av1", fps=8.0, crf=32.0)},
    "CreateVideo with sound": PICTURE
    | {
        "2": node("EmptyAudio", duration=0.1, sample_rate=44100, channels=1),
        "3": node("CreateVideo", images=["1", 0], fps=8.0, audio=["2", 0]),
        "9": node("SaveVideo", video=["3", 0], filename_prefix="x", format="auto", codec="auto"),
    },
    "EmptyLatentAudio": {
        "1": node("EmptyLatentAudio", seconds=1.0, batch_size=1),
        "9": node("SaveLatent", samples=["1", 0], filename_prefix="x"),
    },
    "PreviewAny of a text": {"9": node("PreviewAny", source="a text")},
    "an empty latent, decoded": MODEL
    | {
        "5": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "8": node("VAEDecode", samples=["5", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="x"),
    },
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_nodes_run_and_show_something(simulator: RunningSimulator, name: str) -> None:
    outcomes = run(simulator, "p", GRAPHS[name]).outcomes

    assert outcomes == ["success"], past(simulator, "p")["status"]["messages"][-1]
    assert past(simulator, "p")["outputs"]["9"]


def test_an_advanced_sampler_reports_the_steps_it_was_left(simulator: RunningSimulator) -> None:
    with listening(simulator, "c") as listener:
        graph = GRAPHS["LoraLoaderModelOnly, CLIPSetLastLayer, VAELoader, KSamplerAdvanced"]
        submit(simulator, "p", graph, client_id="c")
        messages = listener.until("execution_success")

    assert [(data["value"], data["max"]) for event, data in messages if event == "progress"] == [(1, 3), (2, 3), (3, 3)]
