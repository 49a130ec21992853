"""A job that no server can ever run is refused; one that only a server that is away can run is accepted with a note."""

from typing import Any

import pytest

from api_service.doors.v1.jobs.field_names import field_name
from api_service.fleet.capability_cache import Capabilities, KnownServer
from api_service.fleet.check import MOST_ERRORS, MOST_SUGGESTED, NOTHING_KNOWN, ONLY_AWAY, SOME_UNKNOWN
from api_service.submit.checks import CheckedJob, check_one
from api_service.submit.job_request import JobOptions, JobRequest
from shared.fleet.object_info import read_catalogue
from shared.workflows.parameters import TextToImage
from tests.object_infos import Page, object_info
from tests.simulator.graphs import Graph, node, txt2img
from tests.steps import steps


def fleet(
    *servers: dict[str, Page] | None, away: tuple[dict[str, Page] | None, ...] = (), replacements: Page | None = None
) -> Capabilities:
    """Servers with what they said they can do, or None for one that never did."""
    everybody = [*((info, True) for info in servers), *((info, False) for info in away)]
    return Capabilities(
        tuple(
            KnownServer(f"http://gpu-{number}", reachable, None if info is None else read_catalogue(info, replacements))
            for number, (info, reachable) in enumerate(everybody)
        )
    )


def asked(**values: Any) -> TextToImage:
    least = {"prompt": "a cat", "checkpoint_model": "sd15"}
    return TextToImage.model_validate(least | values, strict=False)


def verdict(parameters: TextToImage | dict[str, Any], capabilities: Capabilities) -> CheckedJob:
    if isinstance(parameters, TextToImage):
        return check_one(JobRequest.of(parameters, JobOptions()), capabilities, field_name)
    return check_one(JobRequest(parameters), capabilities, field_name)


def refused(parameters: TextToImage | dict[str, Any], capabilities: Capabilities) -> dict[str, tuple[str, str]]:
    """The errors by field, each its code and its message."""
    checked = verdict(parameters, capabilities)
    assert not checked.notes
    assert checked.errors
    return {error.field: (error.code, error.message) for error in checked.errors}


def accepted(parameters: TextToImage | dict[str, Any], capabilities: Capabilities) -> list[str]:
    checked = verdict(parameters, capabilities)
    assert not checked.errors
    return list(checked.notes)


SD15 = object_info(checkpoints=["sd15"], loras=["a", "b"])
XL = object_info(checkpoints=["xl"], loras=["a", "xl-lora"])


def test_what_a_server_has_is_accepted_without_a_word() -> None:
    parameters = asked(lora_models=[{"name": "a"}, {"name": "b"}], params={"clip_skip": 2, "vae_name": "pixel_space"})
    assert accepted(parameters, fleet(SD15)) == []
    assert accepted(parameters, fleet(XL, SD15)) == []


@pytest.mark.parametrize(
    ("values", "field", "code", "part"),
    [
        ({"checkpoint_model": "sd16"}, "checkpoint_model", "unknown_checkpoint", "the checkpoint 'sd16'"),
        (
            {"lora_models": [{"name": "a"}, {"name": "c"}]},
            "lora_models[1].name",
            "unknown_lora",
            "no server has the LoRA 'c'",
        ),
        ({"params": {"vae_name": "pixels"}}, "params.vae_name", "unknown_vae", "the VAE 'pixels'"),
        (
            {"params": {"sampler_name": "eular"}},
            "sampler_params.sampler_name",
            "unknown_sampler",
            "no server has the sampler 'eular'; did you mean 'euler'",
        ),
        ({"params": {"scheduler": "kerras"}}, "sampler_params.scheduler", "unknown_scheduler", "did you mean 'karras'"),
    ],
)
def test_what_nobody_has_is_refused_by_field(values: dict[str, Any], field: str, code: str, part: str) -> None:
    errors = refused(asked(**values), fleet(SD15))
    assert errors.keys() == {field}
    assert errors[field][0] == code
    assert part in errors[field][1]


def test_all_that_is_unknown_is_named_at_once() -> None:
    parameters = asked(checkpoint_model="x", lora_models=[{"name": "y"}], params={"sampler_name": "z"})
    assert list(refused(parameters, fleet(SD15))) == [
        "checkpoint_model",
        "lora_models[0].name",
        "sampler_params.sampler_name",
    ]


def test_names_that_may_have_been_meant_are_those_of_all_servers() -> None:
    message = refused(asked(checkpoint_model="SD-15"), fleet(XL, away=(SD15,)))["checkpoint_model"][1]
    assert message == "no server has the checkpoint 'SD-15'; did you mean 'sd15'?"


def test_a_node_class_that_parameters_need_and_no_server_has_names_what_asks_for_it() -> None:
    capabilities = fleet(object_info(checkpoints=["sd15"], without=["LoraLoader", "CLIPSetLastLayer", "VAELoader"]))
    assert accepted(asked(), capabilities) == []
    lora = refused(asked(lora_models=[{"name": "a"}]), capabilities)
    assert lora["lora_models[0]"][0] == "unknown_node_class"
    assert refused(asked(params={"clip_skip": 2}), capabilities).keys() == {"params.clip_skip"}
    assert refused(asked(params={"vae_name": "v"}), capabilities).keys() == {"params.vae_name"}


@pytest.mark.parametrize(
    ("node_name", "input_name", "bound", "field"),
    [
        ("EmptyLatentImage", "width", {"max": 512}, "width"),
        ("EmptyLatentImage", "batch_size", {"min": 2}, "batch_size"),
        ("KSampler", "steps", {"max": 20}, "sampler_params.steps"),
        ("LoraLoader", "strength_clip", {"max": 0.5}, "lora_models[0].strength_clip"),
    ],
)
def test_a_number_beyond_the_bounds_of_every_server_is_refused_by_field(
    node_name: str, input_name: str, bound: dict[str, Any], field: str
) -> None:
    info = object_info(checkpoints=["sd15"], loras=["a"])
    info[node_name]["input"]["required"][input_name][1] = bound
    assert refused(asked(lora_models=[{"name": "a"}]), fleet(info)).keys() == {field}


def test_a_seed_that_is_yet_to_be_drawn_is_no_fault() -> None:
    assert accepted(asked(params={"seed": -1}), fleet(SD15)) == []


def test_what_only_a_server_that_is_away_has_is_accepted_with_a_note() -> None:
    (note,) = accepted(asked(), fleet(XL, away=(SD15,)))
    assert note == f"{ONLY_AWAY}, because the others lack the checkpoint 'sd15'"


def test_with_all_servers_away_a_job_that_one_of_them_can_run_waits() -> None:
    (note,) = accepted(asked(), fleet(away=(SD15, XL)))
    assert note.startswith(ONLY_AWAY)


def test_where_nobody_said_anything_all_is_accepted_with_a_note() -> None:
    assert accepted(asked(), Capabilities()) == [NOTHING_KNOWN]
    assert accepted(asked(), fleet(None, away=(None,))) == [NOTHING_KNOWN]


def test_a_server_that_never_said_what_it_can_do_may_be_able_to() -> None:
    assert accepted(asked(), fleet(XL, None)) == [SOME_UNKNOWN]
    assert accepted(asked(), fleet(SD15, None)) == []


def test_parts_that_no_single_server_has_together_are_refused() -> None:
    parameters = asked(checkpoint_model="sd15", lora_models=[{"name": "xl-lora"}])
    errors = refused(parameters, fleet(SD15, away=(XL,)))
    assert errors.keys() == {"lora_models[0].name"}
    code, message = errors["lora_models[0].name"]
    assert code == "unknown_lora"
    assert message == ("some servers have the LoRA 'xl-lora', but none of them has everything else that this asks for")


def workflow(**changes: Any) -> Graph:
    graph = txt2img()
    for node_id, inputs in changes.items():
        graph[node_id.removeprefix("n")]["inputs"] |= inputs
    return graph


RECORDED = object_info()


@pytest.mark.parametrize(
    ("graph", "field", "code"),
    [
        (workflow(n4={"ckpt_name": "nope"}), "workflow.4.inputs.ckpt_name", "unknown_checkpoint"),
        (workflow(n3={"scheduler": "nope"}), "workflow.3.inputs.scheduler", "unknown_scheduler"),
        (workflow(n3={"steps": 0}), "workflow.3.inputs.steps", "value_smaller_than_min"),
        ({**workflow(), "7": node("CLIPTextEncoder", text="x")}, "workflow.7.class_type", "unknown_node_class"),
        ({"1": node("EmptyLatentImage", width=64, height=64, batch_size=1)}, "workflow", "no_output_node"),
        ({**workflow(), "77": {"class_type": "SaveImage"}}, "workflow.77.inputs", "missing_inputs"),
        (workflow(n3={"extra": ["404", 0]}), "workflow.3.inputs.extra", "dangling_link"),
        ({"nodes": [], "links": []}, "workflow", "ui_format"),
    ],
)
def test_a_workflow_is_refused_by_node_and_field(graph: dict[str, Any], field: str, code: str) -> None:
    errors = refused(graph, fleet(RECORDED))
    assert errors[field][0] == code
    assert errors[field][1]


def test_a_node_class_that_nobody_has_is_refused_with_those_like_it() -> None:
    message = refused({**workflow(), "x": node("KSamplr")}, fleet(RECORDED))["workflow.x.class_type"][1]
    assert message.startswith("no server has the node class 'KSamplr'; did you mean 'KSampler'")


def test_a_workflow_that_a_server_can_run_is_accepted() -> None:
    assert accepted(workflow(), fleet(RECORDED)) == []


def sending(*ends: str) -> Graph:
    image = node("EmptyImage", width=64, height=64, batch_size=1, color=0)
    inputs = {"SaveImage": {"images": ["1", 0], "filename_prefix": "x"}}
    return {"1": image} | {
        str(number): node(end, **inputs.get(end, {"images": ["1", 0]})) for number, end in enumerate(ends, start=2)
    }


def test_a_workflow_that_only_sends_its_pictures_is_refused_with_what_to_use() -> None:
    errors = refused(sending("SaveImageWebsocket", "SaveImageWebsocket"), fleet(RECORDED))
    assert errors.keys() == {"workflow.2.class_type", "workflow.3.class_type"}
    code, message = errors["workflow.2.class_type"]
    assert (code, "SaveImage to keep them" in message) == ("nothing_kept", True)


@pytest.mark.parametrize("other", ["SaveImage", "PreviewImage"])
def test_a_workflow_that_keeps_something_too_may_send_its_pictures(other: str) -> None:
    (note,) = accepted(sending("SaveImageWebsocket", other), fleet(RECORDED))
    assert note.startswith("node 2: SaveImageWebsocket sends its pictures")


def test_a_workflow_that_is_no_graph_is_refused_even_where_nothing_is_known() -> None:
    assert refused(workflow(n3={"model": ["3", 0]}), Capabilities()).keys() == {"workflow.3"}
    assert accepted(workflow(), Capabilities()) == [NOTHING_KNOWN]


def loading(image: str) -> dict[str, Any]:
    return {"1": node("LoadImage", image=image), "9": node("SaveImage", images=["1", 0], filename_prefix="x")}


@pytest.mark.parametrize("name", ["folder/just-uploaded.png", "made_00001_.png [output]"])
def test_what_comfyui_may_take_all_the_same_is_accepted_with_a_note(name: str) -> None:
    (note,) = accepted(loading(name), fleet(RECORDED))
    assert note.startswith(f"workflow.1.inputs.image: the server may lack the value '{name}' for 'image'")


def test_a_file_that_nobody_has_is_refused() -> None:
    (found,) = refused(loading("nowhere.png"), fleet(RECORDED)).items()
    sentence = "no server has the file 'nowhere.png', and you have no such asset"
    assert found == ("workflow.1.inputs.image", ("missing_asset", sentence))


def test_a_node_of_one_server_and_a_model_of_another_are_refused_together() -> None:
    infos = object_info(checkpoints=["other"]), object_info(without=["KSampler"])
    errors = refused(workflow(), fleet(*infos))
    assert errors.keys() <= {"workflow.3.class_type", "workflow.4.inputs.ckpt_name"}
    assert "but none of them" in next(iter(errors.values()))[1]


def test_a_workflow_of_many_errors_names_some_and_compares_names_for_few() -> None:
    graph = {str(number): node("SaveImag", n=number) for number in range(2000)}
    errors = refused(graph, fleet(RECORDED))
    assert len(errors) == MOST_ERRORS
    assert sum("did you mean" in message for _, message in errors.values()) == MOST_SUGGESTED


@pytest.mark.broad
def test_four_times_as_many_nodes_are_four_times_as_many_steps() -> None:
    capabilities = fleet(RECORDED)

    def steps_of(length: int) -> int:
        graph = {"0": node("EmptyImage", width=64, height=64, batch_size=1, color=0, seed=-1)}
        graph |= {str(number): node("ImageInvert", image=[str(number - 1), 0]) for number in range(1, length)}
        graph |= {f"{number}x": node("ImageInvert", image=["77", 0]) for number in range(length // 4)}
        graph |= {f"{number}y": node("PreviewImage") for number in range(length // 4)}
        graph["save"] = node("SaveImage", images=[str(length - 1), 0], filename_prefix="x")
        return steps(lambda: accepted(graph, capabilities))

    assert steps_of(1200) < 5 * steps_of(300)
