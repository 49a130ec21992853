"""A graph is what the parameters say, node by node, and the same every time."""

from shared.workflows.links import sources_of, upstream
from shared.workflows.parameters import Lora, Params, TextToImage
from shared.workflows.text_to_image import SAVE_NODE, text_to_image, with_filename_prefix, work_units

PLAIN = TextToImage(prompt="a cat", checkpoint_model="sd15.safetensors", params=Params(seed=1, steps=20))


def test_the_same_parameters_make_the_same_graph() -> None:
    assert text_to_image(PLAIN) == text_to_image(PLAIN.model_copy())


def test_the_sampler_gets_its_settings_and_its_links() -> None:
    inputs = text_to_image(PLAIN)["sampler"]["inputs"]
    assert inputs == {
        "model": ["checkpoint", 0],
        "positive": ["prompt", 0],
        "negative": ["negative_prompt", 0],
        "latent_image": ["latent", 0],
        "seed": 1,
        "steps": 20,
        "cfg": 5.5,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }


def test_loras_are_chained_in_their_order() -> None:
    loras = (Lora(name="first"), Lora(name="second", strength_model=-2, strength_clip=0))
    graph = text_to_image(PLAIN.model_copy(update={"lora_models": loras}))
    assert graph["lora_1"]["inputs"]["model"] == ["checkpoint", 0]
    assert graph["lora_2"]["inputs"] == {
        "model": ["lora_1", 0],
        "clip": ["lora_1", 1],
        "lora_name": "second",
        "strength_model": -2,
        "strength_clip": 0,
    }
    assert graph["sampler"]["inputs"]["model"] == ["lora_2", 0]
    assert graph["prompt"]["inputs"]["clip"] == ["lora_2", 1]


def test_clip_skip_and_a_vae_are_nodes_only_where_asked_for() -> None:
    params = Params(seed=1, clip_skip=2, vae_name="better.vae")
    graph = text_to_image(PLAIN.model_copy(update={"params": params}))
    assert graph["clip_skip"]["inputs"] == {"clip": ["checkpoint", 1], "stop_at_clip_layer": -2}
    assert graph["prompt"]["inputs"]["clip"] == ["clip_skip", 0]
    assert graph["decode"]["inputs"]["vae"] == ["vae", 0]
    assert {"clip_skip", "vae"}.isdisjoint(text_to_image(PLAIN))


def test_every_node_has_inputs_and_links_only_to_nodes_there_are_and_every_node_is_needed() -> None:
    params = Params(seed=1, clip_skip=2, vae_name="better.vae")
    full = PLAIN.model_copy(update={"params": params, "lora_models": (Lora(name="first"), Lora(name="second"))})
    for parameters in (PLAIN, full):
        graph = text_to_image(parameters)
        values = [value for node in graph.values() for value in node["inputs"].values()]
        assert {value[0] for value in values if isinstance(value, list)} <= graph.keys()
        assert upstream(sources_of(graph), [SAVE_NODE]) == graph.keys() - {SAVE_NODE}


def test_every_saving_node_gets_the_prefix_and_no_other_node_does() -> None:
    graph = text_to_image(PLAIN) | {"film": {"class_type": "SaveVideo", "inputs": {"filename_prefix": "x", "fps": 8}}}
    prefixed = with_filename_prefix(graph, "mine")
    assert prefixed["save"]["inputs"]["filename_prefix"] == "mine"
    assert prefixed["film"]["inputs"] == {"filename_prefix": "mine", "fps": 8}
    assert {name: node for name, node in prefixed.items() if name not in {"save", "film"}} == {
        name: node for name, node in graph.items() if name not in {"save", "film"}
    }
    assert graph["save"]["inputs"]["filename_prefix"] != "mine", "the graph given is not changed"


def test_a_sampler_counts_as_many_units_as_it_has_steps() -> None:
    units = work_units(text_to_image(PLAIN))
    assert units["sampler"] == 20
    assert set(units.values()) == {1, 20}


def test_upstream_is_everything_a_node_needs_however_far_away() -> None:
    sources = sources_of(text_to_image(PLAIN))
    assert upstream(sources, ["save"]) == {"decode", "sampler", "prompt", "negative_prompt", "latent", "checkpoint"}
    assert upstream(sources, ["checkpoint"]) == set()


def test_upstream_leaves_out_what_is_known_and_what_only_that_needs() -> None:
    sources = sources_of(text_to_image(PLAIN))
    assert upstream(sources, ["save"], known={"sampler"}) == {"decode", "checkpoint"}


def test_upstream_of_a_cycle_ends() -> None:
    cycle = {"a": {"inputs": {"x": ["b", 0]}}, "b": {"inputs": {"x": ["a", 0]}}}
    assert upstream(sources_of(cycle), ["a"]) == {"a", "b"}
