"""A model by the name that a program hard-codes: at ComfyUI's door and at OpenAI's."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.doors.openai.asking.choosing import chosen_model
from api_service.fleet.aliases import with_models_meant
from api_service.fleet.capability_cache import CapabilityReader
from api_service.main import create_app
from api_service.refusals.refusal import Refusal
from shared.configuration.settings import Settings, SettingsError, load_settings
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.object_infos import object_info, publish

ALIAS = "hard-coded.safetensors"


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings({**environ, "MODEL_ALIASES": f"{ALIAS}=there, there=other"})


@pytest.fixture
def client(settings: Settings, key: str, messenger: Messenger) -> Iterator[TestClient]:
    publish(messenger, object_info(checkpoints=["there", "other"]))
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        yield client


def graph_with(checkpoint: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 2]}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": ALIAS}},
    }


@pytest.mark.parametrize("asked", [ALIAS, "there"])
def test_a_prompt_gets_the_model_that_its_name_stands_for(client: TestClient, messenger: Messenger, asked: str) -> None:
    answer = client.post("/prompt", json={"prompt": graph_with(asked)})
    assert answer.status_code == 200, answer.text
    with messenger.transaction() as session:
        graph = session.exec(select(GenerationJob)).one().workflow
    assert graph
    assert graph["1"]["inputs"]["ckpt_name"] == "there", "a name that a server has is itself"
    assert graph["4"]["inputs"]["filename_prefix"] == ALIAS, "words that are no choice stay"


def test_a_name_that_stands_for_nothing_is_refused(client: TestClient) -> None:
    assert client.post("/prompt", json={"prompt": graph_with("unknown")}).status_code == 400


def test_what_is_no_node_stays_as_it_is(messenger: Messenger, settings: Settings) -> None:
    publish(messenger, object_info(checkpoints=["there", "other"]))
    known = CapabilityReader(messenger.engine).current()
    graph = {
        "1": {"class_type": "Nobodys", "inputs": {"ckpt_name": ALIAS}},
        "2": {"class_type": "CheckpointLoaderSimple", "inputs": [ALIAS]},
        "3": {"class_type": ["odd"], "inputs": {"ckpt_name": ALIAS}},
        "4": ALIAS,
    }
    assert with_models_meant(graph, settings.model_aliases, known) == graph


def test_openai_s_door_knows_the_names_too(client: TestClient, messenger: Messenger, settings: Settings) -> None:
    assert client.get(f"/v1/models/{ALIAS}").json()["id"] == ALIAS
    assert client.get("/v1/models/unknown").status_code == 404
    known = CapabilityReader(messenger.engine).current()
    assert chosen_model(ALIAS, known, settings.model_aliases) == "there"
    assert chosen_model("there", known, settings.model_aliases) == "there"
    with pytest.raises(Refusal, match="unknown"):
        chosen_model("unknown", known, settings.model_aliases)


@pytest.mark.parametrize("wrong", ["a", "a=", "=b", "a=b,a=c", ",".join(f"{number}=b" for number in range(101))])
def test_names_that_say_nothing_are_refused(environ: dict[str, str], wrong: str) -> None:
    with pytest.raises(SettingsError, match="MODEL_ALIASES"):
        load_settings({**environ, "MODEL_ALIASES": wrong})
